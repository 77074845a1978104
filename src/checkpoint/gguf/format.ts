import type { DType } from '../../core/dtype.ts';

/** What a file begins with. */
export const magic = 'GGUF';
export const version = 3;

/** Where each tensor's data begin unless a file says otherwise: at a multiple of this, counted from the end of the header. */
export const defaultAlignment = 32;

/** The most that ggml has, and the longest name. */
export const maxDimensions = 4;
export const maxNameBytes = 63;

/** The format's codes of what a value can be. */
export const valueTypes = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

/** ggml's codes of the element types that are no blocks of quantized numbers. */
export const tensorTypes: Readonly<Partial<Record<DType, number>>> = {
  float32: 0,
  float16: 1,
  int8: 24,
  int16: 25,
  int32: 26,
  int64: 27,
  float64: 28,
  bfloat16: 30,
};

/** The bytes that bring a length to a multiple of the alignment. */
export function padding(length: number, alignment: number): number {
  return (alignment - (length % alignment)) % alignment;
}
