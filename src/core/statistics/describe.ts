import { InputError } from '../errors.ts';

/** Throws an InputError unless there are at least `count` values. `what` names the statistic. */
export function requireValues(what: string, values: ArrayLike<number>, count: number): void {
  if (values.length < count) {
    throw new InputError(
      `statistics: ${what} needs at least ${count} value${count === 1 ? '' : 's'}, got ${values.length}`,
    );
  }
}

/** The arithmetic mean. Throws an InputError for no values. */
export function mean(values: ArrayLike<number>): number {
  requireValues('a mean', values, 1);
  const first = sumOf(values) / values.length;
  if (!Number.isFinite(first)) return first;
  // The second pass takes back what the first one lost to rounding.
  return first + sumOf(values, (x) => x - first) / values.length;
}

/** The sample standard deviation, √(Σ(x − mean)² / (n − 1)), in two passes. Throws an InputError for fewer than two values. */
export function standardDeviation(values: ArrayLike<number>): number {
  requireValues('a standard deviation', values, 2);
  const centre = mean(values);
  return Math.sqrt(sumOf(values, (x) => (x - centre) ** 2) / (values.length - 1));
}

/**
 * The value below which the fraction `p` of the values lies, interpolated linearly between order statistics
 * (Hyndman and Fan's type 7, NumPy's default). NaN if a value is NaN.
 *
 * Throws an InputError for no values and a RangeError for `p` outside [0, 1].
 */
export function quantile(values: ArrayLike<number>, p: number): number {
  requireValues('a quantile', values, 1);
  if (!(p >= 0 && p <= 1)) throw new RangeError(`statistics: the fraction of a quantile is ${p}, expected 0 to 1`);
  // A typed array sorts numbers as numbers, and NaN last.
  return quantileOfSorted(Float64Array.from(values).sort(), p);
}

/** `quantile` of values in ascending order. */
export function quantileOfSorted(sorted: Float64Array, p: number): number {
  if (Number.isNaN(sorted.at(-1))) return Number.NaN;
  const position = p * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  // Interpolating between equal infinities would give NaN.
  return below === above ? below : below + (above - below) * (position - Math.floor(position));
}

/** The middle value, or the mean of the two middle values. NaN if a value is NaN. Throws an InputError for no values. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

/** exp(mean(ln x)); NaN if a value is negative. Throws an InputError for no values. */
export function geometricMean(values: ArrayLike<number>): number {
  return Math.exp(mean(Float64Array.from(values, Math.log)));
}

function sumOf(values: ArrayLike<number>, term: (x: number) => number = (x) => x): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += term(values[i] ?? Number.NaN);
  return sum;
}
