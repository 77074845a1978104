import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteSizes, floatDTypes } from './dtype.ts';
import { decodeFloat64, encode } from './encoding.ts';
import { firstBeyond, storesFinite } from './finite.ts';

test('says of any bytes what decoding them says', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...floatDTypes),
      fc.uint8Array({ maxLength: 64 }),
      fc.nat(3),
      (dtype, bytes, offset) => {
        const size = byteSizes[dtype];
        const whole = bytes.slice(0, bytes.length - (bytes.length % size));
        const moved = new Uint8Array(whole.length + offset).subarray(offset);
        moved.set(whole);
        const expected = decodeFloat64(whole, dtype).every(Number.isFinite);
        expect(storesFinite(whole, dtype)).toBe(expected);
        expect(storesFinite(moved, dtype)).toBe(expected);
      },
    ),
  );
});

test.each(floatDTypes)('finds every infinity and NaN of %s wherever it stands', (dtype) => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    for (let length = 1; length < 6; length++) {
      const values = new Float64Array(length).fill(-1.5);
      expect(storesFinite(encode(values, dtype), dtype)).toBe(true);
      for (let i = 0; i < length; i++) {
        const changed = values.with(i, bad);
        expect(storesFinite(encode(changed, dtype), dtype)).toBe(false);
        expect(firstBeyond(changed, 2)).toBe(bad);
      }
    }
  }
  expect(firstBeyond(Float64Array.of(1, -2, 3), 2)).toBe(-2);
  expect(firstBeyond(Float64Array.of(1, -2), 2.5)).toBeUndefined();
});
