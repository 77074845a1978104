import erfc from '@stdlib/math-base-special-erfc';
import { describe, expect, test } from 'vitest';
import { fillNormals } from './normals.ts';
import { createRandom } from './random.ts';

function draw(count: number, std = 1, seed = 'normals'): Float32Array {
  const values = new Float32Array(count);
  fillNormals(values, std, createRandom(seed));
  return values;
}

describe('normal deviates in bulk', () => {
  const count = 2 ** 20;
  const values = draw(count);
  const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / count;

  test('have the moments of the normal distribution to within five standard errors', () => {
    for (const [power, expected, variance] of [
      [1, 0, 1],
      [2, 1, 2],
      [3, 0, 15],
      [4, 3, 96],
      [6, 15, 10170],
    ] as const) {
      expect(Math.abs(moment(power) - expected)).toBeLessThan(5 * Math.sqrt(variance / count));
    }
  });

  test('have its distribution function: Kolmogorov and Smirnov at one in a million', () => {
    const sorted = values.slice().sort();
    let distance = 0;
    for (const [i, value] of sorted.entries()) {
      const cumulated = erfc(-value / Math.SQRT2) / 2;
      distance = Math.max(distance, Math.abs(cumulated - i / count), Math.abs(cumulated - (i + 1) / count));
    }
    expect(distance * Math.sqrt(count)).toBeLessThan(2.7);
  });

  test('reach as far as they should, also beyond the lowest layer', () => {
    for (const limit of [2, 3, 3.5, 4]) {
      const expected = count * erfc(limit / Math.SQRT2);
      const found = values.filter((value) => Math.abs(value) > limit).length;
      expect(Math.abs(found - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  });

  test('neighbours are uncorrelated', () => {
    for (const lag of [1, 2, 64]) {
      const products = values.reduce((sum, value, i) => sum + value * (values[i + lag] ?? 0), 0);
      expect(Math.abs(products)).toBeLessThan(5 * Math.sqrt(count));
    }
  });

  test('are a function of the seed, times the standard deviation', () => {
    expect(draw(100)).toEqual(values.slice(0, 100));
    expect(draw(100, 0.5)).toEqual(values.slice(0, 100).map((value) => 0.5 * value));
    expect(draw(100, 1, 'another')).not.toEqual(values.slice(0, 100));
    expect(draw(100, 0).every((value) => value === 0)).toBe(true);
  });
});
