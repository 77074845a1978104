import { InputError } from '../core/errors.ts';
import type { NormContext, NormKind } from './kind.ts';

/** A norm whose `lowerForward` uses no fused operator needs no `lowerPlain` of its own. */
type Definition = Omit<NormKind, 'lowerPlain'> & Partial<Pick<NormKind, 'lowerPlain'>>;

/** Completes a norm with the checks of its arguments, so that every kind refuses bad input in the same words. */
export function defineNorm(kind: Definition): NormKind {
  const check = (x: Float64Array, parameters: Readonly<Record<string, Float64Array>>, context: NormContext): void => {
    const { width, epsilon } = context;
    if (!Number.isInteger(width) || width < 1) {
      throw new InputError(`norms/${kind.id}: width is ${width}, expected a whole number from 1.`);
    }
    if (!(epsilon >= 0 && Number.isFinite(epsilon))) {
      throw new InputError(`norms/${kind.id}: epsilon is ${epsilon}, expected a finite number from 0.`);
    }
    if (x.length % width !== 0) {
      throw new InputError(`norms/${kind.id}: x has ${x.length} entries, expected a multiple of the width ${width}.`);
    }
    for (const name of Object.keys(parameters)) {
      if (!kind.parameters.some((parameter) => parameter.name === name)) {
        const known = kind.parameters.map((parameter) => parameter.name).join(', ') || 'none';
        throw new InputError(`norms/${kind.id}: got a parameter ${name}, which this norm lacks (it has: ${known}).`);
      }
    }
    for (const { name, shape } of kind.parameters) {
      const expected = shape === 'vector' ? width : 1;
      const entries = parameters[name]?.length ?? 0;
      if (entries !== expected) {
        throw new InputError(`norms/${kind.id}: ${name} has ${entries} entries, expected ${expected} (${shape}).`);
      }
    }
  };
  return {
    lowerPlain: kind.lowerForward,
    ...kind,
    forward: (x, parameters, context) => {
      check(x, parameters, context);
      return kind.forward(x, parameters, context);
    },
    backward: (x, dy, parameters, context) => {
      check(x, parameters, context);
      if (dy.length !== x.length) {
        throw new InputError(`norms/${kind.id}: dy has ${dy.length} entries, expected ${x.length}, as many as x.`);
      }
      return kind.backward(x, dy, parameters, context);
    },
  };
}
