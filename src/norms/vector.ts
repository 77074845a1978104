/**
 * Float64 arithmetic on rows.
 *
 * Two operands must be equally long: where the second one ends early the result is NaN, never a wrong number.
 */
export function sum(a: Float64Array): number {
  let total = 0;
  for (const value of a) total += value;
  return total;
}

export function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] ?? Number.NaN) * (b[i] ?? Number.NaN);
  return total;
}

/** `f(aᵢ, bᵢ)` for every entry of `a`. */
export function combine(a: Float64Array, b: Float64Array, f: (a: number, b: number) => number): Float64Array {
  return a.map((value, i) => f(value, b[i] ?? Number.NaN));
}

/** Adds `a` to `total` in place. */
export function accumulate(total: Float64Array, a: Float64Array): void {
  for (let i = 0; i < total.length; i++) total[i] = (total[i] ?? Number.NaN) + (a[i] ?? Number.NaN);
}

/** Applies `f` to every row of `[rows, width]`. Its `rowAt` gives the same row of another tensor of that shape. */
export function mapRows(
  x: Float64Array,
  width: number,
  f: (row: Float64Array, rowAt: (other: Float64Array) => Float64Array) => Float64Array,
): Float64Array {
  const result = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    const rowAt = (other: Float64Array) => other.subarray(start, start + width);
    result.set(f(rowAt(x), rowAt), start);
  }
  return result;
}
