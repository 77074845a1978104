import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { equivalenceTest, estimateMean, pairedDifference, smallestDetectableDifference } from './index.ts';
import { studentLowerTail, studentQuantile } from './student.ts';

// Validation losses as five seeds of two norms could give them. The numbers below come from scipy 1.17 and
// statsmodels 0.15 (pip install scipy statsmodels) with these two lists as numpy arrays a and b.
const a = [1.4213, 1.4198, 1.426, 1.4187, 1.4231];
const b = [1.4207, 1.4201, 1.4249, 1.419, 1.4216];

// scipy.stats.t.cdf(x, df)
test.each([
  [-20, 4, 1.8441552901498655e-5],
  [-2.5, 9, 0.016930913841492867],
  [-8, 29, 4.006287824815844e-9],
  [-300, 99, 1.3413229706426246e-148],
  [-0.01, 2, 0.4964645544791005],
  [0, 5, 0.5],
])('the tail of t = %d with %d degrees of freedom', (t, degrees, expected) => {
  expect(studentLowerTail(t, 1, degrees) / expected).toBeCloseTo(1, 11);
});

// scipy.stats.t.ppf(p, df)
test.each([
  [0.975, 4, 2.7764451051977934],
  [0.975, 1, 12.706204736174694],
  [0.995, 29, 2.756385903670605],
])('the %d quantile with %d degrees of freedom', (p, degrees, expected) => {
  expect(studentQuantile(p, degrees) / expected).toBeCloseTo(1, 11);
});

test('estimateMean agrees with scipy.stats.t.interval', () => {
  // scipy.stats.t.interval(c, 4, loc=a.mean(), scale=scipy.stats.sem(a)) for c in (.95, .99)
  const { mean, sd, n, ci } = estimateMean(a);
  expect([mean, sd, n]).toEqual([expect.closeTo(1.42178, 14), expect.closeTo(0.0028804513535208016, 14), 5]);
  expect(ci.low).toBeCloseTo(1.4182034472557559, 12);
  expect(ci.high).toBeCloseTo(1.4253565527442442, 12);
  expect(estimateMean(a, 0.99).ci.low).toBeCloseTo(1.415849110851117, 12);
});

test('pairedDifference agrees with scipy.stats.ttest_rel', () => {
  // r = scipy.stats.ttest_rel(a, b); r.pvalue, r.confidence_interval(.95)
  const difference = pairedDifference(a, b);
  expect(difference.mean).toBeCloseTo(0.00052, 15);
  expect(difference.sd).toBeCloseTo(0.0008136338242722969, 14);
  expect(difference.p).toBeCloseTo(0.2261863157064214, 10);
  expect(difference.ci.low).toBeCloseTo(-0.0004902598273197719, 13);
  expect(difference.ci.high).toBeCloseTo(0.001530259827319746, 13);
});

// statsmodels.stats.weightstats.ttost_paired(a, b, -margin, margin)[0]
test.each([
  [0.002, 0.007627714273665858, true],
  [0.001, 0.1287811935728021, false],
  [0.0004, 0.6209467056183703, false],
])('equivalenceTest with margin %d agrees with statsmodels', (margin, p, equivalent) => {
  const result = equivalenceTest(a, b, margin);
  expect(result.p).toBeCloseTo(p, 10);
  expect(result.equivalent).toBe(equivalent);
  // scipy.stats.ttest_rel(a, b).confidence_interval(.90)
  expect(result.smallestMargin).toBeCloseTo(0.001295711056629401, 13);
});

const losses = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 2, maxLength: 12 });

test('equivalence at level alpha is the 1 − 2·alpha interval within the margin', () => {
  fc.assert(
    fc.property(losses, losses, fc.double({ min: 1e-3, max: 20, noNaN: true }), (left, right, margin) => {
      const n = Math.min(left.length, right.length);
      const result = equivalenceTest(left.slice(0, n), right.slice(0, n), margin);
      const { low, high } = result.difference.ci;
      fc.pre(Math.abs(Math.max(-low, high) - margin) > 1e-9);
      expect(result.equivalent).toBe(low > -margin && high < margin);
      const swapped = equivalenceTest(right.slice(0, n), left.slice(0, n), margin);
      expect(swapped.p).toBeCloseTo(result.p, 9);
    }),
  );
});

test('values without any spread decide by their difference', () => {
  expect(pairedDifference([1, 2], [1, 2]).p).toBe(1);
  expect(pairedDifference([2, 3], [1, 2]).p).toBe(0);
  expect(equivalenceTest([1, 2], [1, 2], 0.1)).toMatchObject({ p: 0, equivalent: true, smallestMargin: 0 });
  expect(equivalenceTest([2, 3], [1, 2], 0.1)).toMatchObject({ p: 1, equivalent: false });
  expect(equivalenceTest([2, 3], [1, 2], 1)).toMatchObject({ p: 0.5, equivalent: false });
});

test('a diverged seed never counts as equivalent', () => {
  expect(equivalenceTest([1, Number.NaN, 1], [1, 1, 1], 10)).toMatchObject({ p: Number.NaN, equivalent: false });
  expect(pairedDifference([1, Infinity], [1, 2]).p).toBeNaN();
});

// (scipy.stats.t.ppf(1 - alpha/2, n - 1) + scipy.stats.t.ppf(power, n - 1)) / sqrt(n), and the exact
// statsmodels.stats.power.TTestPower().solve_power(None, nobs=n, alpha=.05, power=.8)
test.each([
  { n: 3, expected: 3.096510147446125, exact: 3.264043552819638, tolerance: 0.06 },
  { n: 5, expected: 1.6624761500272074, exact: 1.6819970833232674, tolerance: 0.02 },
  { n: 10, expected: 0.9947137350096734, exact: 0.9960019107624178, tolerance: 0.002 },
])('smallestDetectableDifference with $n pairs', ({ n, expected, exact, tolerance }) => {
  const difference = smallestDetectableDifference({ sd: 2, n });
  expect(difference).toBeCloseTo(2 * expected, 10);
  expect(Math.abs(difference / (2 * exact) - 1)).toBeLessThan(tolerance);
});

test('a true difference of that size is found at the promised power', () => {
  const n = 8;
  const shift = smallestDetectableDifference({ sd: 1, n, power: 0.9 });
  const random = createRandom('power');
  let found = 0;
  for (let trial = 0; trial < 2000; trial++) {
    const shifted = Array.from({ length: n }, () => shift + random.normal());
    if (pairedDifference(shifted, new Float64Array(n)).p < 0.05) found++;
  }
  expect(found / 2000).toBeGreaterThan(0.87);
  expect(found / 2000).toBeLessThan(0.93);
});

test('what makes no sense is refused', () => {
  expect(() => estimateMean([1])).toThrow('a confidence interval needs at least 2 values, got 1');
  expect(() => estimateMean([1, 2], 1)).toThrow(RangeError);
  expect(() => pairedDifference([1, 2], [1, 2, 3])).toThrow("2 values can't be paired with 3");
  expect(() => equivalenceTest([1, 2], [1, 2], 0)).toThrow(RangeError);
  expect(() => equivalenceTest([1, 2], [1, 2], 1, 0.5)).toThrow(RangeError);
  expect(() => smallestDetectableDifference({ sd: 1, n: 1 })).toThrow('needs at least 2 values, got 1');
  expect(() => smallestDetectableDifference({ sd: 1, n: 5, power: 1 })).toThrow(RangeError);
});
