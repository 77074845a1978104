import { initialValue, type NormKind } from './index.ts';

/** `length` numbers from −2 to 2, the same for the same seed: a Weyl sequence, so that no entry repeats. */
export function sample(seed: number, length: number): Float64Array {
  return Float64Array.from(
    { length },
    (_, i) => 4 * (((i + 1) * 0.6180339887498949 + seed * 0.7548776662466927) % 1) - 2,
  );
}

/** Parameters of a norm near, but not at, the values that training starts with. */
export function sampleParameters(kind: NormKind, width: number, seed = 1): Record<string, Float64Array> {
  return Object.fromEntries(
    kind.parameters.map((parameter, i) => {
      const entries = sample(seed + i, parameter.shape === 'vector' ? width : 1);
      return [parameter.name, entries.map((value) => initialValue(parameter, width) + 0.2 * value)];
    }),
  );
}

/** max |a − b| over max |b|; how far two tensors are apart. */
export function distance(a: Float64Array, b: Float64Array): number {
  const scale = b.reduce((max, value) => Math.max(max, Math.abs(value)), Number.MIN_VALUE);
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((max, value, i) => {
    const gap = Math.abs(value - (b[i] ?? Number.NaN)) / scale;
    return Number.isNaN(gap) || gap > max ? gap : max;
  }, 0);
}
