import { InputError } from '../errors.ts';
import type { Random } from '../random.ts';
import { median, quantileOfSorted, requireValues } from './describe.ts';
import { type Interval, requireFraction, requirePairs } from './student.ts';

export interface BootstrapOptions {
  /** Where the resamples come from: the same stream gives the same interval. */
  readonly random: Random;
  /** Default 0.95. */
  readonly confidence?: number;
  /** How many times the values are drawn anew, with replacement. Default 2000. */
  readonly resamples?: number;
}

export interface Ratio {
  readonly ratio: number;
  /** Percentile bootstrap interval of the ratio. */
  readonly ci: Interval;
  /** The number of values, or of pairs. */
  readonly n: number;
}

/**
 * How many times as large `a` is as `b`, for measurements taken in interleaved pairs: exp(median(ln aᵢ/bᵢ)).
 *
 * What slows a whole pair down (a busy machine, a lower clock) cancels. Throws an InputError for fewer than two pairs
 * or a value that isn't above zero, and a RangeError for lists of different lengths.
 */
export function ratioOfPairs(a: ArrayLike<number>, b: ArrayLike<number>, options: BootstrapOptions): Ratio {
  requirePairs(a, b);
  requireValues('a ratio', a, 2);
  requirePositive(a);
  requirePositive(b);
  const logs = Float64Array.from(a, (value, i) => Math.log(value / (b[i] ?? Number.NaN)));
  const interval = bootstrap(options, (random) => median(resample(logs, random)));
  return {
    ratio: Math.exp(median(logs)),
    ci: { low: Math.exp(interval.low), high: Math.exp(interval.high) },
    n: logs.length,
  };
}

/**
 * median(a) / median(b), for measurements that aren't paired: each list is resampled on its own.
 *
 * Throws an InputError for fewer than two values or a value that isn't above zero.
 */
export function ratioOfMedians(a: ArrayLike<number>, b: ArrayLike<number>, options: BootstrapOptions): Ratio {
  for (const values of [a, b]) {
    requireValues('a ratio', values, 2);
    requirePositive(values);
  }
  const ci = bootstrap(options, (random) => median(resample(a, random)) / median(resample(b, random)));
  return { ratio: median(a) / median(b), ci, n: Math.min(a.length, b.length) };
}

function bootstrap(options: BootstrapOptions, statistic: (random: Random) => number): Interval {
  const { random, confidence = 0.95, resamples = 2000 } = options;
  requireFraction('confidence', confidence);
  const stream = random.split('bootstrap');
  const statistics = Float64Array.from({ length: resamples }, () => statistic(stream)).sort();
  return {
    low: quantileOfSorted(statistics, (1 - confidence) / 2),
    high: quantileOfSorted(statistics, (1 + confidence) / 2),
  };
}

function resample(values: ArrayLike<number>, random: Random): Float64Array {
  return Float64Array.from(values, () => values[random.integer(values.length)] ?? Number.NaN);
}

function requirePositive(values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!(value > 0)) throw new InputError(`statistics: a ratio needs values above zero, value ${i} is ${value}`);
  }
}
