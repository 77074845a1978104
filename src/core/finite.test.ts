import { expect, test } from 'vitest';
import { firstBeyond } from './finite.ts';

test('finds what is beyond a limit, infinities and NaN wherever they stand', () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const values = new Float64Array(5).fill(-1.5);
    for (let i = 0; i < values.length; i++) expect(firstBeyond(values.with(i, bad), 2)).toBe(bad);
  }
  expect(firstBeyond(Float64Array.of(1, -2, 3), 2)).toBe(-2);
  expect(firstBeyond(Float64Array.of(1, -2), 2.5)).toBeUndefined();
});
