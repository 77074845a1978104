import { describe, expect, test } from 'vitest';
import { byteSizes, type FloatDType, floatDTypes } from '../../core/dtype.ts';
import { decodeFloat64, encode } from '../../core/encoding.ts';
import { createRandom } from '../../core/random.ts';
import { bfloat16ToNumber, float16ToNumber, roundTo } from '../../core/rounding.ts';
import { keepingSums } from '../write/rounding.ts';
import { createKernel, kernelDTypes } from './kernel.ts';

const kernel = createKernel();

function put(bytes: Uint8Array): number {
  const at = kernel.allocate(bytes.length);
  kernel.bytes(at, bytes.length).set(bytes);
  return at;
}

const putValues = (values: Float64Array): number =>
  put(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));

/** The neighbours of a number in float64. */
function neighbours(value: number): readonly number[] {
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  return [-1n, 0n, 1n].map((step) => new Float64Array(BigInt64Array.of((bits[0] ?? 0n) + step).buffer)[0] ?? 0);
}

/** What is stored as 16 bits, what lies half-way between two of them, and the numbers beside: every tie, every subnormal. */
function edges(toNumber: (bits: number) => number): Float64Array {
  const values: number[] = [];
  for (let bits = 0; bits < 0x8000; bits += bits < 0x400 ? 1 : 61) {
    const [value, next] = [toNumber(bits), toNumber(bits + 1)];
    if (!Number.isFinite(value)) continue;
    const middle = Number.isFinite(next) ? (value + next) / 2 : value + (value - toNumber(bits - 1)) / 2;
    values.push(...[value, middle].flatMap(neighbours).filter((one, i) => i !== 0 || one > 0));
  }
  return Float64Array.from(values.flatMap((value) => [value, -value]));
}

/** Numbers of every exponent that float64 has, among them subnormal and whole ones. */
function anyNumbers(): Float64Array {
  const random = createRandom(7);
  const numbers = Float64Array.from({ length: 50_000 }, () => {
    const value = (random.uniform() - 0.5) * 2 ** (Math.floor(random.uniform() * 400) - 200);
    return random.uniform() < 0.2 ? Math.round(value) : value;
  });
  numbers.set([0, -0, 5e-324, -5e-324, 2.2250738585072014e-308, 2 ** -149, 2 ** -150, 1.5 * 2 ** -150], 13);
  return numbers;
}

const inputs: Readonly<Record<string, Float64Array>> = {
  'any numbers': anyNumbers(),
  'the edges of bfloat16': edges(bfloat16ToNumber),
  'the edges of float16': edges(float16ToNumber),
};

describe.each(floatDTypes)('%s', (dtype) => {
  const code = kernelDTypes[dtype];

  test.each(Object.keys(inputs))('encodes %s as the plain function does', (name) => {
    const values = (inputs[name] ?? new Float64Array(0)).filter((value) => Number.isFinite(roundTo(value, dtype)));
    expect(values.length).toBeGreaterThan(1000);
    // Every place within a vector, and every length of what is left over.
    for (let start = 0; start < 9; start++) {
      const some = values.subarray(start);
      kernel.reset();
      const from = putValues(some);
      const to = kernel.allocate(8 * some.length);
      expect(kernel.encode(code, from, to, some.length)).toBe(1);
      expect(Buffer.compare(kernel.bytes(to, byteSizes[dtype] * some.length), encode(some, dtype))).toBe(0);
    }
  });

  test('decodes what it stores as the plain function does', () => {
    const stored = encode(Float64Array.from(Object.values(inputs).flatMap((values) => [...values])), dtype);
    for (let start = 0; start < 9; start++) {
      const bytes = stored.subarray(start * byteSizes[dtype]);
      const count = bytes.length / byteSizes[dtype];
      kernel.reset();
      const to = kernel.allocate(8 * count);
      kernel.decode(code, put(bytes), to, count);
      expect(Buffer.compare(kernel.bytes(to, 8 * count), new Uint8Array(decodeFloat64(bytes, dtype).buffer))).toBe(0);
    }
  });

  const largest: Readonly<Record<FloatDType, number>> = {
    float64: Number.MAX_VALUE,
    float32: (2 - 2 ** -23) * 2 ** 127,
    bfloat16: (2 - 2 ** -7) * 2 ** 127,
    float16: 65504,
  };
  const beyond: Readonly<Record<FloatDType, number>> = {
    float64: Number.POSITIVE_INFINITY,
    float32: (2 - 2 ** -24) * 2 ** 127,
    bfloat16: (2 - 2 ** -8) * 2 ** 127,
    float16: 65520,
  };

  test.each([0, 3, 7, 8, 12, 16])('notices at place %i what is no finite number when it is stored', (at) => {
    const check = (value: number) => {
      const values = Float64Array.from({ length: 17 }, (_, i) => (i === at ? value : i - 8));
      kernel.reset();
      const from = putValues(values);
      const isStored = kernel.encode(code, from, kernel.allocate(8 * 17), 17);
      const bytes = encode(values, dtype);
      expect(kernel.allFinite(code, put(bytes), 17)).toBe(isStored);
      return isStored;
    };
    for (const sign of [1, -1]) {
      expect(check(sign * largest[dtype])).toBe(1);
      expect(check(sign * beyond[dtype])).toBe(0);
      expect(check(sign * Number.POSITIVE_INFINITY)).toBe(0);
    }
    const [below = 0] = neighbours(beyond[dtype]);
    expect(check(below)).toBe(1);
    expect(check(Number.NaN)).toBe(0);
  });

  test.each(['ofRows', 'ofColumns'] as const)('keeps the sums %s as the plain function does', (sums) => {
    const random = createRandom(3);
    const [rows, columns] = [6, 11];
    const round = keepingSums(dtype, columns, sums);
    const carried = new Float64Array(columns);
    for (let block = 0; block < 3; block++) {
      const values = Float64Array.from(
        { length: rows * columns },
        () => random.normal() * 10 ** (-9 * random.uniform()),
      );
      kernel.reset();
      const from = putValues(values);
      const carry = putValues(carried);
      const to = kernel.allocate(8 * values.length);
      expect(kernel.encodeKeepingSums(code, from, to, rows, columns, carry, sums === 'ofRows' ? 1 : 0)).toBe(1);
      expect([...kernel.bytes(to, byteSizes[dtype] * values.length)]).toEqual([...encode(round(values), dtype)]);
      carried.set(kernel.values(carry, columns));
    }
  });
});

test.each([
  ['bfloat16', bfloat16ToNumber],
  ['float16', float16ToNumber],
] as const)('decodes every number of %s', (dtype, toNumber) => {
  const stored = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
  kernel.reset();
  const to = kernel.allocate(8 * 65536);
  kernel.decode(kernelDTypes[dtype], put(new Uint8Array(stored.buffer)), to, 65536);
  expect(kernel.values(to, 65536)).toEqual(Float64Array.from(stored, toNumber));
});
