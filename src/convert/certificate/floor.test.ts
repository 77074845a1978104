import { expect, test } from 'vitest';
import { ulp } from '../../core/rounding.ts';
import { perturb } from './floor.ts';

/** What is added to numbers of many sizes, in units of their last place. */
function noiseOf(dtype: 'float64' | 'float32' | 'bfloat16'): Float64Array {
  const data = Float64Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? 1.3 : -1.7) * 2 ** ((i % 41) - 20));
  const value = { dtype: 'float', shape: [data.length], data } as const;
  const perturbed = perturb(new Map([['w', value]]), new Map([['w', dtype]]), 0).get('w')?.data ?? [];
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

test('what has no type stays as it is', () => {
  const value = { dtype: 'float', shape: [1], data: Float64Array.of(3) } as const;
  expect(perturb(new Map([['w', value]]), new Map(), 0).get('w')).toBe(value);
});
