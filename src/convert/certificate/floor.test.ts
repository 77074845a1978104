import { expect, test } from 'vitest';
import { ulp } from '../../core/rounding.ts';
import { perturb } from './floor.ts';

/** What is added to numbers of many sizes, in units of their last place. */
function noiseOf(dtype: 'float64' | 'float32' | 'bfloat16'): Float64Array {
  const data = Float64Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? 1.3 : -1.7) * 2 ** ((i % 41) - 20));
  const { data: perturbed } = perturb(
    { dtype: 'float', shape: [data.length], data },
    { name: 'w' },
    { dtype, seed: 0 },
  );
  return data.map((x, i) => ((perturbed[i] ?? Number.NaN) - x) / ulp(x, dtype));
}

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

test.each(['float64', 'float32', 'bfloat16'] as const)(
  'noise in %s has mean 0 and variance 1/12 of a unit',
  (dtype) => {
    const noise = noiseOf(dtype);
    expect(Math.abs(mean(noise))).toBeLessThan(0.01);
    expect(mean(noise.map((value) => value * value))).toBeCloseTo(1 / 12, 2);
  },
);

test('it is at most half a unit, but for float64, which holds no halves', () => {
  expect(Math.max(...noiseOf('float32').map(Math.abs))).toBeLessThanOrEqual(0.5);
  expect(new Set(noiseOf('float64').map(Math.abs))).toEqual(new Set([0, 1]));
});

/** The noise on a matrix of ones `[40, 25]`, or on some of its rows. */
function noiseOn(name: string, seed: number, ranges?: readonly { readonly start: number; readonly end: number }[]) {
  const rows = ranges?.reduce((sum, { start, end }) => sum + end - start, 0) ?? 40;
  const ones = { dtype: 'float', shape: [rows, 25], data: new Float64Array(25 * rows).fill(1) } as const;
  return Array.from(
    perturb(ones, { name, ranges }, { dtype: 'bfloat16', seed }).data,
    (x) => (x - 1) / ulp(1, 'bfloat16'),
  );
}

test('noise is another one for each seed, parameter and entry, and the same every time', () => {
  const noise = noiseOn('a', 0);
  expect(noiseOn('a', 0)).toEqual(noise);
  expect(new Set(noise).size).toBe(noise.length);
  const correlated = (other: readonly number[]) =>
    Math.abs(12 * mean(Float64Array.from(noise, (x, i) => x * (other[i] ?? 0))));
  expect(correlated(noise)).toBeCloseTo(1, 1);
  for (const other of [
    noiseOn('a', 1),
    noiseOn('b', 0),
    [...noise.slice(1), 0],
    [...noise.slice(25), ...noise.slice(0, 25)],
  ]) {
    expect(correlated(other)).toBeLessThan(0.12);
  }
});

test('a part of a parameter gets the noise that it has in the whole', () => {
  const noise = noiseOn('a', 3);
  const ranges = [
    { start: 2, end: 3 },
    { start: 17, end: 40 },
  ];
  expect(noiseOn('a', 3, ranges)).toEqual([...noise.slice(50, 75), ...noise.slice(425)]);
});
