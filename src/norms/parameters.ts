import { InputError } from '../core/errors.ts';
import type { NormParameter } from './kind.ts';

/** The gain: it starts at 1, or at 0 where the norm multiplies by `1 + weight`. */
export function weightVector(offset: 0 | 1 = 0): NormParameter {
  return { name: 'weight', shape: 'vector', initial: 1 - offset, decay: false };
}

export const biasVector: NormParameter = { name: 'bias', shape: 'vector', initial: 0, decay: false };

/** A parameter that must be there. Throws InputError when it isn't. */
export function parameterOf<T>(parameters: Readonly<Record<string, T>>, name: NormParameter['name']): T {
  const value = parameters[name];
  if (value === undefined) {
    const given = Object.keys(parameters).join(', ') || 'none';
    throw new InputError(
      `norms: the parameter ${name} is missing (given: ${given}). Pass every parameter of the norm.`,
    );
  }
  return value;
}
