import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bfloat16Bits,
  bfloat16ToNumber,
  float16Bits,
  float16ToNumber,
  roundTo,
  roundToBfloat16,
  ulp,
} from './rounding.ts';

const halves = [
  {
    dtype: 'float16',
    toBits: float16Bits,
    toNumber: float16ToNumber,
    precision: 11,
    minExponent: -14,
    maxExponent: 15,
  },
  {
    dtype: 'bfloat16',
    toBits: bfloat16Bits,
    toNumber: bfloat16ToNumber,
    precision: 8,
    minExponent: -126,
    maxExponent: 127,
  },
] as const;
type Half = (typeof halves)[number];

/** The definition of rounding to nearest, ties to even, in whole numbers. */
function roundExactly(value: number, { precision, minExponent, maxExponent }: Half): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const bits = new BigUint64Array(new Float64Array([Math.abs(value)]).buffer)[0] ?? 0n;
  const field = Number(bits >> 52n);
  const significand = (bits & 0xfffffffffffffn) | (field === 0 ? 0n : 1n << 52n);
  const exponent = Math.max(field, 1) - 1075;
  const leading = significand.toString(2).length - 1 + exponent;
  const step = Math.max(leading, minExponent) - precision + 1;
  const cut = BigInt(Math.max(0, step - exponent));
  const rest = significand & ((1n << cut) - 1n);
  const kept = significand >> cut;
  const twice = rest * 2n - (1n << cut);
  const up = cut > 0n && (twice > 0n || (twice === 0n && (kept & 1n) === 1n));
  const rounded = Number(up ? kept + 1n : kept) * 2 ** Math.max(step, exponent);
  return Math.sign(value) * (rounded >= 2 ** (maxExponent + 1) ? Number.POSITIVE_INFINITY : rounded);
}

/** Values on, just above and just below the numbers of a format and the midpoints between them. */
function nearBoundaries({ toNumber }: Half) {
  return fc
    .record({ bits: fc.nat(0xffff), midpoint: fc.boolean(), scale: fc.integer({ min: -3, max: 3 }) })
    .map(({ bits, midpoint, scale }) => {
      const number = toNumber(bits);
      const next = toNumber((bits + 1) & 0xffff);
      return (midpoint ? number / 2 + next / 2 : number) * (1 + scale * 2 ** -52);
    });
}

describe.each(halves)('$dtype', (half) => {
  const { dtype, toBits, toNumber } = half;

  it('round-trips all 65536 patterns', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const number = toNumber(bits);
      const back = toBits(number);
      if (Number.isNaN(number) ? !Number.isNaN(toNumber(back)) : back !== bits) expect([bits, number]).toBe(back);
    }
  });

  it('rounds as the definition in whole numbers does', () => {
    const values = fc.oneof(
      nearBoundaries(half),
      fc.double({ noNaN: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(values, (value) => {
        expect(roundTo(value, dtype)).toBe(Number.isNaN(value) ? Number.NaN : roundExactly(value, half));
      }),
      { numRuns: 20_000 },
    );
  });

  it('has a step of one ulp from each number to the next', () => {
    const largest = dtype === 'float16' ? 0x7bff : 0x7f7f;
    for (let bits = 0; bits < largest; bits++) {
      const step = toNumber(bits + 1) - toNumber(bits);
      if (ulp(toNumber(bits), dtype) !== step) expect([bits, ulp(toNumber(bits), dtype)]).toBe(step);
    }
    expect(ulp(toNumber(largest), dtype)).toBe(ulp(toNumber(largest - 1), dtype));
  });
});

describe('roundTo', () => {
  it('breaks ties to even', () => {
    expect(roundTo(1 + 2 ** -8, 'bfloat16')).toBe(1);
    expect(roundTo(1 + 3 * 2 ** -8, 'bfloat16')).toBe(1 + 2 ** -6);
    expect(roundTo(2049, 'float16')).toBe(2048);
    expect(roundTo(2051, 'float16')).toBe(2052);
    expect(roundTo(2 ** -25, 'float16')).toBe(0);
    expect(roundTo(3 * 2 ** -25, 'float16')).toBe(2 ** -23);
  });

  it('rounds once: what is above a tie by less than float32 can see goes up', () => {
    expect(roundTo(1 + 2 ** -8 + 2 ** -40, 'bfloat16')).toBe(1 + 2 ** -7);
    expect(roundTo(1 + 3 * 2 ** -8 - 2 ** -40, 'bfloat16')).toBe(1 + 2 ** -7);
    expect(roundTo(2049 + 2 ** -40, 'float16')).toBe(2050);
    expect(roundTo(2051 - 2 ** -40, 'float16')).toBe(2050);
    expect(roundTo(2 ** -25 * (1 + 2 ** -52), 'float16')).toBe(2 ** -24);
  });

  it('overflows to infinity from half a step above the largest number', () => {
    expect(roundTo(65519.999999999, 'float16')).toBe(65504);
    expect(roundTo(-65520, 'float16')).toBe(Number.NEGATIVE_INFINITY);
    const largest = (2 - 2 ** -7) * 2 ** 127;
    expect(roundTo(largest + 2 ** 118, 'bfloat16')).toBe(largest);
    expect(roundTo(largest + 2 ** 119, 'bfloat16')).toBe(Number.POSITIVE_INFINITY);
    expect(roundTo(-Number.MAX_VALUE, 'bfloat16')).toBe(Number.NEGATIVE_INFINITY);
    expect(roundTo(Number.MAX_VALUE, 'float32')).toBe(Number.POSITIVE_INFINITY);
  });

  it('keeps signs of zeros, underflows with the sign, and keeps NaN', () => {
    for (const dtype of ['float16', 'bfloat16', 'float32', 'float64'] as const) {
      expect(roundTo(-0, dtype)).toBe(-0);
      expect(roundTo(Number.NaN, dtype)).toBeNaN();
    }
    expect(roundTo(-Number.MIN_VALUE, 'float16')).toBe(-0);
    expect(roundTo(-Number.MIN_VALUE, 'bfloat16')).toBe(-0);
    expect(roundTo(-Number.MIN_VALUE, 'float64')).toBe(-Number.MIN_VALUE);
  });
});

describe('ulp', () => {
  it('is the spacing away from zero', () => {
    expect(ulp(1, 'float64')).toBe(Number.EPSILON);
    expect(ulp(-1, 'float32')).toBe(2 ** -23);
    expect(ulp(0.999, 'float32')).toBe(2 ** -24);
    expect(ulp(1, 'float16')).toBe(2 ** -10);
    expect(ulp(1, 'bfloat16')).toBe(2 ** -7);
    expect(ulp(0, 'float64')).toBe(Number.MIN_VALUE);
    expect(ulp(0, 'float32')).toBe(2 ** -149);
    expect(ulp(1e300, 'float16')).toBe(32);
    expect(ulp(Number.POSITIVE_INFINITY, 'float32')).toBeNaN();
    expect(ulp(Number.NaN, 'float32')).toBeNaN();
  });
});

describe('float32 arrays to bfloat16', () => {
  it('round like single numbers, whatever their bits', () => {
    fc.assert(
      fc.property(fc.uint32Array({ minLength: 1, maxLength: 64 }), (words) => {
        const values = new Float32Array(words.buffer, words.byteOffset, words.length);
        expect([...roundToBfloat16(values)]).toEqual(Array.from(values, bfloat16Bits));
      }),
      { numRuns: 500 },
    );
  });

  it('ties, carries, overflow, zeros and NaN among them', () => {
    const bits = [
      0x3f808000, 0x3f818000, 0x3f7fffff, 0x7f7fffff, 0xff7f8000, 0x7f800000, 0x7f800001, 0xffffffff, 0x80000000,
    ];
    const values = new Float32Array(Uint32Array.from(bits).buffer);
    expect([...roundToBfloat16(values)]).toEqual([
      0x3f80, 0x3f82, 0x3f80, 0x7f80, 0xff80, 0x7f80, 0x7fc0, 0x7fc0, 0x8000,
    ]);
  });
});
