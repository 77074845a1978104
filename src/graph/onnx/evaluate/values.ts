import { type DType, isFloat } from '../../../core/dtype.ts';
import { decodeFloat64 } from '../../../core/encoding.ts';
import type { ElementType, Value } from '../../tensor.ts';
import type { OnnxTensor } from '../types.ts';

/** The kind of number that an element type of ONNX holds. */
export function elementTypeOf(dtype: DType): ElementType {
  if (dtype === 'bool') return 'bool';
  return isFloat(dtype) ? 'float' : 'int';
}

/** A tensor's elements as float64. 64-bit integers beyond ±2⁵³ are rounded: they stand for "to the end" in slices. */
export function onnxValue({ dtype, shape, data }: OnnxTensor): Value {
  return { dtype: elementTypeOf(dtype), shape, data: decodeFloat64(data, dtype) };
}
