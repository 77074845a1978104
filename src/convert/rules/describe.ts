import type { TensorRule } from './plan.ts';
import { describeStep } from './steps.ts';

/** A rule in words, as certificates name it. */
export function describeRule({ from, steps }: TensorRule): string {
  const done = steps.map(describeStep);
  if (from === 'source') return done.length === 0 ? 'copy' : done.join('; ');
  const filled = from === 0 ? 'zeros' : from === 1 ? 'ones' : `filled with ${from}`;
  return [filled, ...done].join('; ');
}
