import { expect, test } from 'vitest';
import { ulp } from '../../core/rounding.ts';
import type { Value } from '../../graph/index.ts';
import { compareLogits, medianDifference, type Observation } from './difference.ts';
import { perturb } from './floor.ts';

const observation = (logits: readonly number[]): Observation => ({
  vocabularySize: 2,
  logits: Float64Array.from(logits),
  residualMeans: [],
});

test('figures by hand', () => {
  // Probabilities 1/4 and 3/4 against 1/2 and 1/2; then equal up to a constant, which softmax does not see.
  const reference = observation([0, Math.log(3), 1, 2]);
  const difference = compareLogits(reference, observation([5, 5, 4, 5]));
  expect(difference.maxAbsLogit).toBeCloseTo(5, 12);
  expect(difference.nmse).toBeCloseTo((25 + (5 - Math.log(3)) ** 2 + 9 + 9) / (Math.log(3) ** 2 + 1 + 4), 12);
  expect(difference.kl).toBeCloseTo((0.25 * Math.log(0.5) + 0.75 * Math.log(1.5)) / 2, 12);
  expect(difference.top1Agreement).toBe(0.5);
});

test('equal logits differ by nothing, also huge ones', () => {
  const same = observation([1e4, -1e4, 3e5, 0]);
  expect(compareLogits(same, same)).toEqual({ maxAbsLogit: 0, nmse: 0, kl: 0, top1Agreement: 1 });
});

test('one NaN makes every figure but the agreement NaN', () => {
  const { maxAbsLogit, nmse, kl } = compareLogits(observation([1, 2, 3, 4]), observation([1, Number.NaN, 3, 4]));
  expect([maxAbsLogit, nmse, kl]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});

test('the median is taken figure by figure', () => {
  const figure = (maxAbsLogit: number, kl: number) => ({ maxAbsLogit, nmse: 0, kl, top1Agreement: 1 });
  expect(medianDifference([figure(1, 9), figure(5, 1), figure(3, 2)])).toEqual(figure(3, 2));
});

test('the floor perturbs what is asked for by up to half a unit, differently for each seed and parameter', () => {
  const data = Float64Array.from({ length: 1000 }, (_, i) => 1 + i / 1000);
  const value: Value = { dtype: 'float', shape: [1000], data };
  const source = new Map([
    ['a', value],
    ['b', value],
    ['copied', value],
  ]);
  const noise = (seed: number, name: string) =>
    [
      ...(perturb(
        source,
        new Map([
          ['a', 'bfloat16'],
          ['b', 'bfloat16'],
        ]),
        seed,
      ).get(name)?.data ?? []),
    ].map((x, i) => (x - (data[i] ?? 0)) / ulp(1, 'bfloat16'));
  const sample = noise(0, 'a');
  expect(Math.max(...sample.map(Math.abs))).toBeLessThanOrEqual(0.5);
  expect(sample.reduce((sum, x) => sum + x * x, 0) / 1000).toBeCloseTo(1 / 12, 2);
  expect(Math.abs(sample.reduce((sum, x) => sum + x, 0) / 1000)).toBeLessThan(0.03);
  expect(noise(0, 'a')).toEqual(sample);
  expect(noise(1, 'a')).not.toEqual(sample);
  expect(noise(0, 'b')).not.toEqual(sample);
  expect(new Set(noise(0, 'copied'))).toEqual(new Set([0]));
});
