import type { FloatDType } from './dtype.ts';

interface FloatFormat {
  /** Bits of the significand, the hidden one included. */
  readonly precision: number;
  /** Exponents of the smallest and the largest normal number, as in 1.m × 2^exponent. */
  readonly minExponent: number;
  readonly maxExponent: number;
}

const formats: Readonly<Record<FloatDType, FloatFormat>> = {
  float64: { precision: 53, minExponent: -1022, maxExponent: 1023 },
  float32: { precision: 24, minExponent: -126, maxExponent: 127 },
  float16: { precision: 11, minExponent: -14, maxExponent: 15 },
  bfloat16: { precision: 8, minExponent: -126, maxExponent: 127 },
};

const float64 = new Float64Array(1);
const float64Bytes = new DataView(float64.buffer);
const float32 = new Float32Array(1);
const float32Bits = new Uint32Array(float32.buffer);

/**
 * The spacing of `dtype`'s numbers at `value`, away from zero: 2^(max(exponent of value, smallest exponent) − precision + 1).
 *
 * Beyond the largest finite number it is the spacing there; of NaN and infinities it is NaN.
 */
export function ulp(value: number, dtype: FloatDType): number {
  if (!Number.isFinite(value)) return Number.NaN;
  const { precision, minExponent, maxExponent } = formats[dtype];
  float64Bytes.setFloat64(0, value);
  const exponent = ((float64Bytes.getUint16(0) >>> 4) & 0x7ff) - 1023;
  return 2 ** (Math.min(Math.max(exponent, minExponent), maxExponent) - precision + 1);
}

/** The number of `dtype` nearest to `value`, ties to even; beyond the largest finite number by half a step or more, infinity. */
export function roundTo(value: number, dtype: FloatDType): number {
  switch (dtype) {
    case 'float64':
      return value;
    case 'float32':
      return Math.fround(value);
    case 'float16':
      return float16ToNumber(float16Bits(value));
    case 'bfloat16':
      return bfloat16ToNumber(bfloat16Bits(value));
  }
}

/**
 * The float32 bits of `value`, rounded to odd: an inexact value becomes whichever of its two neighbours has an odd last bit.
 *
 * Rounding that once more, to nearest and to at most 22 bits, gives what rounding `value` directly would have given: the
 * odd bit remembers that something was cut off, so that no tie appears where there was none [Boldo & Melquiond 2008].
 */
function roundToOddFloat32Bits(value: number): number {
  float32[0] = value;
  const nearest = float32[0];
  const bits = float32Bits[0] ?? 0;
  if (nearest === value || (bits & 1) === 1 || Number.isNaN(value)) return bits;
  return Math.abs(nearest) > Math.abs(value) ? bits - 1 : bits + 1;
}

/** The 16 bits of the bfloat16 nearest to `value`, ties to even. Every NaN becomes 0x7fc0. */
export function bfloat16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const bits = roundToOddFloat32Bits(value);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The 16 bits of the float16 (IEEE 754 binary16) nearest to `value`, ties to even. Every NaN becomes 0x7e00. */
export function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const bits = roundToOddFloat32Bits(value);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // 65520, half a step above the largest finite number.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // 2^-14, the smallest normal number: from there on only the exponent's bias differs, by 112.
  if (magnitude >= 0x38800000) return sign | ((magnitude - (112 << 23) + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  const shift = 126 - (magnitude >>> 23);
  if (shift > 24) return sign;
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const half = 1 << (shift - 1);
  return sign | ((significand + half - 1 + ((significand >>> shift) & 1)) >>> shift);
}

export function bfloat16ToNumber(bits: number): number {
  float32Bits[0] = bits << 16;
  return float32[0] ?? 0;
}

export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}
