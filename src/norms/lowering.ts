import type { OpBuilder } from '../core/builder.ts';

type FusedNorm = 'LayerNormalization' | 'SimplifiedLayerNormalization';

/** What the engine's operator gives for `inputs` (x, scale and, for LayerNormalization, bias): its first `outputs` results. */
function runFused<T>(b: OpBuilder<T>, opType: FusedNorm, inputs: readonly T[], epsilon: number, outputs: number) {
  const results = b.fused({ opType, inputs, attributes: { axis: -1, epsilon: { float: epsilon } }, outputs });
  return (index: number): T => {
    const result = results[index];
    if (result === undefined) throw new Error(`norms: the builder gave no output ${index} of ${opType}`);
    return result;
  };
}

/** `gain · x̂ (+ bias)` for a whole norm in one operator. */
export function fusedNorm<T>(b: OpBuilder<T>, opType: FusedNorm, inputs: readonly T[], epsilon: number): T {
  return runFused(b, opType, inputs, epsilon, 1)(0);
}

/** `x / sqrt(mean(x²) + ε)`, of `x − mean(x)` where it is `centred`, then gain and bias: without the engine's fused operators. */
export function plainNorm<T>(
  b: OpBuilder<T>,
  x: T,
  { centred, gain, bias, epsilon }: { centred: boolean; gain: T | undefined; bias: T | undefined; epsilon: number },
): T {
  const deviation = centred ? b.sub(x, b.mean(x)) : x;
  const inverse = b.reciprocal(b.sqrt(b.add(b.mean(b.mul(deviation, deviation)), b.constant(epsilon))));
  const normalized = b.mul(deviation, inverse);
  const scaled = gain === undefined ? normalized : b.mul(normalized, gain);
  return bias === undefined ? scaled : b.add(scaled, bias);
}

/**
 * `x̂` `[..., width]`, and the factor `[..., 1]` that a row is multiplied by to get it, in one operator.
 *
 * It reads `x` once, and spares the backward pass the composition of the statistics from primitive operations.
 */
export function standardize<T>(
  b: OpBuilder<T>,
  opType: FusedNorm,
  x: T,
  width: number,
  epsilon: number,
): { readonly normalized: T; readonly inverse: T } {
  // LayerNormalization has the mean between the two.
  const outputs = opType === 'LayerNormalization' ? 3 : 2;
  const output = runFused(b, opType, [x, b.ones(width)], epsilon, outputs);
  return { normalized: output(0), inverse: output(outputs - 1) };
}

/** The mean of `gain · x` over the last axis, `[..., 1]`; the plain mean where there is no gain. */
export function weightedMean<T>(b: OpBuilder<T>, x: T, gain: T | undefined): T {
  return b.mean(gain === undefined ? x : b.mul(x, gain));
}
