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
/** Low word first: see `encoding.ts` on byte order. */
const float64Words = new Uint32Array(float64.buffer);
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
  float64[0] = value;
  const exponent = (((float64Words[1] ?? 0) >>> 20) & 0x7ff) - 1023;
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

/** The 16 bits of the bfloat16 nearest to `value`, ties to even. Every NaN becomes 0x7fc0. */
export function bfloat16Bits(value: number): number {
  float64[0] = value;
  return toHalfBits(float64Words[1] ?? 0, float64Words[0] ?? 0, 7, 127);
}

/** The 16 bits of the float16 (IEEE 754 binary16) nearest to `value`, ties to even. Every NaN becomes 0x7e00. */
export function float16Bits(value: number): number {
  float64[0] = value;
  return toHalfBits(float64Words[1] ?? 0, float64Words[0] ?? 0, 10, 15);
}

/** Many numbers at once, as `bfloat16Bits` and `float16Bits` do one. */
export function roundToHalves(values: Float64Array, dtype: 'float16' | 'bfloat16'): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  const halves = new Uint16Array(values.length);
  const [fractionBits, bias] = dtype === 'float16' ? ([10, 15] as const) : ([7, 127] as const);
  const cut = 20 - fractionBits;
  const smallestNormal = 1 << 20;
  const infinity = (2 * bias + 1) << 20;
  const rebias = (1023 - bias) << 20;
  const halfStep = (1 << (cut - 1)) - 1;
  for (let i = 0; i < halves.length; i++) {
    const low = words[2 * i] as number;
    const high = words[2 * i + 1] as number;
    const magnitude = (high & 0x7fffffff) - rebias;
    // Nearly all numbers of a model; the rest is left to the function that knows every case.
    halves[i] =
      magnitude >= smallestNormal && magnitude < infinity
        ? ((high >>> 16) & 0x8000) |
          (((magnitude | (low === 0 ? 0 : 1)) + halfStep + ((magnitude >>> cut) & 1)) >>> cut)
        : toHalfBits(high, low, fractionBits, bias);
  }
  return halves;
}

/** Float32 numbers to bfloat16, as `bfloat16Bits` does one: the upper halves of their bits, rounded. */
export function roundToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) {
    const word = words[i] as number;
    const notANumber = (word & 0x7fffffff) > 0x7f800000;
    halves[i] = notANumber ? 0x7fc0 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

/** Rounds straight from the two halves of a float64: a detour through float32 would round twice. */
function toHalfBits(high: number, low: number, fractionBits: number, bias: number): number {
  const sign = (high >>> 16) & 0x8000;
  const cut = 20 - fractionBits;
  const sticky = low === 0 ? 0 : 1;
  // Exponent and the upper 20 bits of the fraction, counted from the exponent that the 16-bit format calls 0.
  const magnitude = (high & 0x7fffffff) - ((1023 - bias) << 20);
  const infinity = (2 * bias + 1) << fractionBits;
  if (magnitude >= infinity << cut) {
    const quietNaN = infinity | (1 << (fractionBits - 1));
    return ((high & 0x7fffffff) | sticky) > 0x7ff00000 ? quietNaN : sign | infinity;
  }
  if (magnitude >= 1 << 20) return sign | cutToEven(magnitude | sticky, cut);
  // Subnormal: the fraction with its hidden bit, cut further by as much as the exponent is too small.
  const furtherCut = cut + 1 - (magnitude >> 20);
  return furtherCut > 21 ? sign : sign | cutToEven((high & 0xfffff) | 0x100000 | sticky, furtherCut);
}

/** `bits` / 2^`cut`, rounded to nearest, ties to even; a carry into the exponent is what it has to be. */
function cutToEven(bits: number, cut: number): number {
  return (bits + (1 << (cut - 1)) - 1 + ((bits >>> cut) & 1)) >>> cut;
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
