import type { NormCost, NormKind } from './kind.ts';

/**
 * What one fused kernel does. The counting rule:
 *
 * - An addition, subtraction, multiplication, division, square root, reciprocal or tanh is one floating-point operation.
 * - The variance takes two passes over values that stay in cache; a pass over cached values moves no bytes.
 * - The backward kernel gets the row statistics from the forward kernel and makes every parameter's gradient as well.
 * - Bytes are the tensors as large as `x` that are read from and written to memory. Parameters, their gradients and the
 *   one or two statistics of a row are left out: they weigh 1/rows and 1/width of the rest.
 */
export interface FusedCount {
  /** Operations on every element. */
  readonly perElement: number | ((width: number) => number);
  /** Operations once a row. */
  readonly perRow: number;
  /** Tensors as large as `x`, read or written. */
  readonly tensors: number;
}

/** The cost of a norm from the counts of its two kernels. */
export function fusedCost(forward: FusedCount, backward: FusedCount): NormKind['cost'] {
  const costOf = (count: FusedCount, width: number, bytesPerValue: number): NormCost => ({
    flopsPerElement:
      (typeof count.perElement === 'number' ? count.perElement : count.perElement(width)) + count.perRow / width,
    bytesPerElement: count.tensors * bytesPerValue,
  });
  return (width, bytesPerValue = 4) => ({
    forward: costOf(forward, width, bytesPerValue),
    backward: costOf(backward, width, bytesPerValue),
  });
}

/** Adds what weight and bias cost: forward one operation each; backward `dy·γ`, `Σ dy·x̂` (2) and `Σ dy`. */
export function withAffine(
  forward: FusedCount,
  backward: FusedCount,
  affine: { readonly weight: boolean; readonly bias: boolean; readonly offset: 0 | 1 },
): NormKind['cost'] {
  const add = (count: FusedCount, extra: number): FusedCount => {
    const { perElement } = count;
    return {
      ...count,
      perElement: typeof perElement === 'number' ? perElement + extra : (width) => perElement(width) + extra,
    };
  };
  const weight = affine.weight ? 1 : 0;
  const bias = affine.bias ? 1 : 0;
  return fusedCost(add(forward, weight + bias), add(backward, 3 * weight + bias));
}
