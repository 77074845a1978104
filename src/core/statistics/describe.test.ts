import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../errors.ts';
import { geometricMean, mean, median, quantile, standardDeviation } from './index.ts';

const ugly = [3.1, -2, 8.25, 0.5, 100, 7, 7];

test('quantile agrees with numpy.quantile', () => {
  // numpy 2.4: [numpy.quantile([3.1, -2, 8.25, 0.5, 100, 7, 7], q) for q in (0, .1, .25, .5, .9, 1)]
  const expected = [-2, -0.5, 1.8, 7, 44.95, 100];
  [0, 0.1, 0.25, 0.5, 0.9, 1].forEach((p, i) => {
    expect(quantile(ugly, p)).toBeCloseTo(expected[i] ?? Number.NaN, 12);
  });
  expect(ugly[0]).toBe(3.1);
});

test('median takes the mean of the two middle values', () => {
  expect(median(ugly.slice(0, 6))).toBe(5.05);
  expect(median([10, 9])).toBe(9.5);
  expect(median([4])).toBe(4);
});

test('order statistics of values that are not finite', () => {
  expect(median([1, Number.NaN, 3])).toBeNaN();
  expect(quantile([1, 2, Number.NaN], 0)).toBeNaN();
  expect(median([1, Infinity, Infinity])).toBe(Infinity);
  expect(quantile([-Infinity, -Infinity, 5], 0.25)).toBe(-Infinity);
});

test('geometricMean agrees with scipy.stats.gmean', () => {
  // scipy 1.17: scipy.stats.gmean([0.5, 2, 3.7, 1e-3, 40])
  expect(geometricMean([0.5, 2, 3.7, 1e-3, 40])).toBeCloseTo(0.6824209375549485, 14);
  expect(geometricMean([4, 0])).toBe(0);
  expect(geometricMean([4, -1])).toBeNaN();
});

describe('moments', () => {
  test('agree with numpy', () => {
    // numpy 2.4: mean() and std(ddof=1)
    const values = [1.4213, 1.4198, 1.426, 1.4187, 1.4231];
    expect(mean(values)).toBeCloseTo(1.42178, 15);
    expect(standardDeviation(values)).toBeCloseTo(0.0028804513535208016, 15);
  });

  test('survive a large offset', () => {
    const values = Float64Array.from({ length: 1001 }, (_, i) => 1e9 + (i % 2));
    expect(standardDeviation(values)).toBeCloseTo(0.5002497, 6);
  });

  test('of equal values are that value and zero', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e100, max: 1e100 }), fc.integer({ min: 2, max: 50 }), (x, n) => {
        const values = new Float64Array(n).fill(x);
        expect(mean(values) - x).toBeCloseTo(0, 12);
        expect(standardDeviation(values)).toBeLessThanOrEqual(Math.abs(x) * 1e-15);
      }),
    );
  });

  test('of a diverged run are not finite', () => {
    expect(mean([1, Number.NaN])).toBeNaN();
    expect(mean([1, Infinity])).toBe(Infinity);
    expect(standardDeviation([1, Infinity])).toBeNaN();
  });
});

test('too few values are an InputError that counts them', () => {
  expect(() => mean([])).toThrow(new InputError('statistics: a mean needs at least 1 value, got 0'));
  expect(() => median([])).toThrow(InputError);
  expect(() => geometricMean([])).toThrow(InputError);
  expect(() => standardDeviation([1])).toThrow(/needs at least 2 values, got 1/);
  expect(() => quantile([1], 1.01)).toThrow(RangeError);
  expect(() => quantile([1], Number.NaN)).toThrow(RangeError);
});
