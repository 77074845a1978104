import tCdf from '@stdlib/stats-base-dists-t-cdf';
import tQuantile from '@stdlib/stats-base-dists-t-quantile';
import { mean, requireValues, standardDeviation } from './describe.ts';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** A mean, and how well it is known. */
export interface Estimate {
  readonly mean: number;
  /** Sample standard deviation of one value. */
  readonly sd: number;
  readonly n: number;
  /** Student-t confidence interval of the mean. */
  readonly ci: Interval;
}

export interface PairedDifference extends Estimate {
  /** Two-sided p value of the paired t test of "no difference". */
  readonly p: number;
}

/**
 * The mean with its Student-t confidence interval, mean ± t₍₁₊c₎/₂,ₙ₋₁ · sd/√n.
 *
 * Throws an InputError for fewer than two values: one seed has no spread.
 */
export function estimateMean(values: ArrayLike<number>, confidence = 0.95): Estimate {
  requireValues('a confidence interval', values, 2);
  requireFraction('confidence', confidence);
  const n = values.length;
  const centre = mean(values);
  const sd = standardDeviation(values);
  const halfWidth = (studentQuantile((1 + confidence) / 2, n - 1) * sd) / Math.sqrt(n);
  return { mean: centre, sd, n, ci: { low: centre - halfWidth, high: centre + halfWidth } };
}

/**
 * The mean of a − b over pairs (the same seed, the same batches), with its confidence interval and t test.
 *
 * Throws an InputError for fewer than two pairs and a RangeError for lists of different lengths.
 */
export function pairedDifference(a: ArrayLike<number>, b: ArrayLike<number>, confidence = 0.95): PairedDifference {
  const estimate = estimateMean(differences(a, b), confidence);
  return { ...estimate, p: 2 * studentLowerTail(-Math.abs(estimate.mean), standardError(estimate), estimate.n - 1) };
}

/** a − b, pair by pair. */
export function differences(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  requirePairs(a, b);
  return Float64Array.from(a, (value, i) => value - (b[i] ?? Number.NaN));
}

export function requirePairs(a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (a.length !== b.length) throw new RangeError(`statistics: ${a.length} values can't be paired with ${b.length}`);
}

export function requireFraction(what: string, value: number): void {
  if (!(value > 0 && value < 1))
    throw new RangeError(`statistics: ${what} is ${value}, expected a fraction between 0 and 1`);
}

export function standardError({ sd, n }: Estimate): number {
  return sd / Math.sqrt(n);
}

/** P(T < distance / error) for Student's t. Without any spread it is 0, ½ or 1, by the distance's sign. */
export function studentLowerTail(distance: number, error: number, degreesOfFreedom: number): number {
  if (error === 0) return Number.isNaN(distance) ? Number.NaN : (1 + Math.sign(distance)) / 2;
  return tCdf(distance / error, degreesOfFreedom);
}

export function studentQuantile(p: number, degreesOfFreedom: number): number {
  return tQuantile(p, degreesOfFreedom);
}
