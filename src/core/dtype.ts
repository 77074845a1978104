/** The element types that normlab reads, computes with or writes. */
export const dtypes = [
  'float64',
  'float32',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint64',
  'uint32',
  'uint16',
  'uint8',
  'bool',
] as const;

export type DType = (typeof dtypes)[number];

/** The floating-point element types. */
export const floatDTypes = ['float64', 'float32', 'float16', 'bfloat16'] as const satisfies readonly DType[];

export type FloatDType = (typeof floatDTypes)[number];

/** Bytes per element. */
export const byteSizes: Readonly<Record<DType, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint64: 8,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
};

export function isFloat(dtype: DType): dtype is FloatDType {
  return floatDTypes.some((float) => float === dtype);
}
