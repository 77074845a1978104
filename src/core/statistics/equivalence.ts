import { requireValues } from './describe.ts';
import {
  type PairedDifference,
  pairedDifference,
  requireFraction,
  standardError,
  studentLowerTail,
  studentQuantile,
} from './student.ts';

/** The result of two one-sided tests: is the difference smaller than the margin, on both sides? */
export interface Equivalence {
  readonly margin: number;
  readonly alpha: number;
  /** The larger of the two one-sided p values. */
  readonly p: number;
  /** `p < alpha`. When it is false nothing is proven: the difference may be zero and the seeds too few. */
  readonly equivalent: boolean;
  /** The difference a − b; its interval has confidence 1 − 2·alpha, and lies within ±margin exactly when equivalent. */
  readonly difference: PairedDifference;
  /** The margins above this one would have been passed: the larger end of the interval, without its sign. */
  readonly smallestMargin: number;
}

/**
 * Tests whether a and b, measured in pairs, are equal up to `margin` (in the values' unit), by two one-sided paired
 * t tests (TOST): p = max(P(T > (d̄ + margin)/se), P(T < (d̄ − margin)/se)).
 *
 * The margin is to be chosen before looking at the values. Throws an InputError for fewer than two pairs.
 * Source: Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15, 657 (1987).
 */
export function equivalenceTest(a: ArrayLike<number>, b: ArrayLike<number>, margin: number, alpha = 0.05): Equivalence {
  if (!(margin > 0)) throw new RangeError(`statistics: the margin is ${margin}, expected more than 0`);
  requireFraction('twice alpha', 2 * alpha);
  const difference = pairedDifference(a, b, 1 - 2 * alpha);
  const error = standardError(difference);
  const above = studentLowerTail(-(difference.mean + margin), error, difference.n - 1);
  const below = studentLowerTail(difference.mean - margin, error, difference.n - 1);
  const p = Math.max(above, below);
  const smallestMargin = Math.max(-difference.ci.low, difference.ci.high);
  return { margin, alpha, p, equivalent: p < alpha, difference, smallestMargin };
}

/**
 * The smallest true difference that a two-sided paired t test at level `alpha` finds with probability `power`:
 * (t₁₋α/₂,ₙ₋₁ + t_power,ₙ₋₁) · sd/√n, with `sd` the standard deviation of the pairs' differences.
 *
 * The sum of two central quantiles stands for the noncentral t distribution; at alpha 0.05 and power 0.8 it is
 * 5 % too small for 3 pairs, 1 % for 5, and 0.1 % for 10. Throws an InputError for fewer than two pairs.
 */
export function smallestDetectableDifference(design: {
  readonly sd: number;
  readonly n: number;
  readonly alpha?: number;
  readonly power?: number;
}): number {
  const { sd, n, alpha = 0.05, power = 0.8 } = design;
  requireFraction('alpha', alpha);
  requireFraction('power', power);
  requireValues('a detectable difference', { length: n }, 2);
  return ((studentQuantile(1 - alpha / 2, n - 1) + studentQuantile(power, n - 1)) * sd) / Math.sqrt(n);
}
