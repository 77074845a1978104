import type { OpBuilder } from '../core/builder.ts';

/** `x / sqrt(mean(x²) + epsilon)` `[..., width]` and the factor `[..., 1]` that it multiplies `x` by, in one operator. */
export function rootMeanSquareScale<T>(
  b: OpBuilder<T>,
  x: T,
  width: number,
  epsilon: number,
): { readonly normalized: T; readonly inverse: T } {
  const attributes = { axis: -1, epsilon: { float: epsilon } };
  const inputs = [x, b.ones(width)];
  const [normalized = x, inverse = x] = b.fused({
    opType: 'SimplifiedLayerNormalization',
    inputs,
    attributes,
    outputs: 2,
  });
  return { normalized, inverse };
}

/** The mean of `gain · x` over the last axis, `[..., 1]`; the plain mean where there is no gain. */
export function weightedMean<T>(b: OpBuilder<T>, x: T, gain: T | undefined): T {
  return b.mean(gain === undefined ? x : b.mul(x, gain));
}
