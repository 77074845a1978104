import type { FloatDType } from './dtype.ts';
import { decodeFloat64 } from './encoding.ts';

/** In each word of 32 bits: those of the exponents, and 1 at the lowest of each. */
const exponents: Readonly<Record<FloatDType, readonly [mask: number, one: number]>> = {
  float64: [0x7ff00000, 0x00100000],
  float32: [0x7f800000, 0x00800000],
  bfloat16: [0x7f807f80, 0x00800080],
  float16: [0x7c007c00, 0x04000400],
};

/** Whether all numbers that `bytes` store are finite. */
export function storesFinite(bytes: Uint8Array, dtype: FloatDType): boolean {
  if (bytes.byteOffset % 4 !== 0 || bytes.byteLength % 4 !== 0) {
    return decodeFloat64(bytes, dtype).every(Number.isFinite);
  }
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const [mask, one] = exponents[dtype];
  // Only an exponent of ones, which is what infinities and NaNs have, carries into the bit of the sign.
  let carried = 0;
  // Little-endian: the exponent of a float64 is in its second word.
  const [start, step] = dtype === 'float64' ? [1, 2] : [0, 1];
  for (let i = start; i < words.length; i += step) carried |= ((words[i] as number) & mask) + one;
  return (carried & (dtype === 'float32' || dtype === 'float64' ? 0x80000000 : 0x80008000)) === 0;
}

/** The first of `values` whose magnitude is not below `limit`, NaN among them; undefined where all are. */
export function firstBeyond(values: Float64Array, limit: number): number | undefined {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!(Math.abs(value) < limit)) return value;
  }
  return undefined;
}
