import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteSizes, type DType, dtypes, floatDTypes, isFloat } from './dtype.ts';
import { decodeFloat32, decodeFloat64, encode } from './encoding.ts';
import { InputError } from './errors.ts';
import { bfloat16ToNumber, float16ToNumber, roundTo } from './rounding.ts';

/** One value per type whose bytes are all different, as Python's struct packs it. */
const samples: Readonly<Record<DType, readonly [value: number, bytes: string]>> = {
  float64: [-1.234567890123e-7, 'd8fe7e66f19180be'],
  float32: [0.15625, '0000203e'],
  float16: [-2.5, '00c1'],
  bfloat16: [1.5703125, 'c93f'],
  int64: [-1234567890123, '35fb048ee0feffff'],
  int32: [-305419897, '87a9cbed'],
  int16: [-4660, 'cced'],
  int8: [-18, 'ee'],
  uint64: [0x0102030405060, '6050403020100000'],
  uint32: [0xfedcba98, '98badcfe'],
  uint16: [0xfedc, 'dcfe'],
  uint8: [0xfe, 'fe'],
  bool: [1, '01'],
};

describe.each(dtypes)('%s', (dtype) => {
  const [value, hex] = samples[dtype];

  it('is stored little-endian', () => {
    expect(Buffer.from(encode(Float64Array.of(value), dtype)).toString('hex')).toBe(hex);
    expect(hex).toHaveLength(2 * byteSizes[dtype]);
  });

  it('is read at any byte offset', () => {
    const stored = Buffer.from(`${hex}${hex}`, 'hex');
    for (let offset = 0; offset < 9; offset++) {
      const shifted = new Uint8Array(offset + stored.length);
      shifted.set(stored, offset);
      expect(decodeFloat64(shifted.subarray(offset), dtype)).toEqual(Float64Array.of(value, value));
      expect(decodeFloat32(shifted.subarray(offset), dtype)).toEqual(Float32Array.of(value, value));
    }
  });

  it('refuses a part of an element and takes none', () => {
    expect(decodeFloat64(new Uint8Array(0), dtype)).toEqual(new Float64Array(0));
    if (byteSizes[dtype] === 1) return;
    expect(() => decodeFloat64(new Uint8Array(byteSizes[dtype] + 1), dtype)).toThrow(InputError);
    expect(() => decodeFloat32(new Uint8Array(byteSizes[dtype] - 1), dtype)).toThrow(InputError);
  });

  it('gives new memory in both directions', () => {
    const bytes = encode(Float64Array.of(value), dtype);
    decodeFloat64(bytes, dtype)[0] = 0;
    decodeFloat32(bytes, dtype)[0] = 0;
    expect(decodeFloat64(bytes, dtype)[0]).toBe(value);
    const values = Float64Array.of(value);
    encode(values, dtype).fill(0);
    expect(values[0]).toBe(value);
  });
});

it.each([
  ['float16', float16ToNumber],
  ['bfloat16', bfloat16ToNumber],
] as const)('%s: all 65536 patterns decode, and all but the NaNs round-trip bit for bit', (dtype, toNumber) => {
  const patterns = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
  const values = decodeFloat64(new Uint8Array(patterns.buffer), dtype);
  expect(values).toEqual(Float64Array.from(patterns, toNumber));
  expect(decodeFloat32(new Uint8Array(patterns.buffer), dtype)).toEqual(Float32Array.from(values));
  for (const source of [values, Float32Array.from(values)]) {
    const back = new Uint16Array(encode(source, dtype).buffer);
    const wrong = patterns.filter((bits) => !Number.isNaN(values[bits]) && back[bits] !== bits);
    expect([...wrong]).toEqual([]);
  }
});

describe.each(floatDTypes)('%s', (dtype) => {
  it('decodes what was encoded to the nearest number of the type', () => {
    expect(isFloat(dtype)).toBe(true);
    fc.assert(
      fc.property(fc.float64Array({ maxLength: 20 }), (values) => {
        expect(decodeFloat64(encode(values, dtype), dtype)).toEqual(values.map((value) => roundTo(value, dtype)));
      }),
    );
  });
});

describe('integers', () => {
  it.each([
    ['int8', 128],
    ['int8', -129],
    ['uint8', -1],
    ['uint8', 0.5],
    ['int16', Number.NaN],
    ['int32', Number.POSITIVE_INFINITY],
    ['uint32', 2 ** 32],
    ['int64', 2 ** 63],
    ['uint64', 2 ** 64],
    ['bool', 2],
  ] as const)('%s refuses %s', (dtype, value) => {
    expect(isFloat(dtype)).toBe(false);
    expect(() => encode(Float64Array.of(0, value), dtype)).toThrow(`entry 1 is ${value}, which ${dtype} can't hold`);
  });

  it('keep their extremes', () => {
    for (const [dtype, value] of [
      ['int8', -128],
      ['uint16', 65535],
      ['int32', -(2 ** 31)],
      ['int64', -(2 ** 63)],
      ['uint64', 2 ** 53 - 1],
    ] as const) {
      expect(decodeFloat64(encode(Float64Array.of(value), dtype), dtype)).toEqual(Float64Array.of(value));
    }
  });

  it('read a bool byte other than 0 as 1', () => {
    expect(decodeFloat64(Uint8Array.of(0, 1, 2, 255), 'bool')).toEqual(Float64Array.of(0, 1, 1, 1));
  });
});
