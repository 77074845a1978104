import type { Random } from './random.ts';

/** An index, drawn with a probability in proportion to its weight; one number of `random`. Weights are not negative, and there is one at least. */
export function drawIndex(weights: readonly number[], random: Random): number {
  let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return index;
  }
  // Rounding may leave a little at the end.
  return weights.length - 1;
}
