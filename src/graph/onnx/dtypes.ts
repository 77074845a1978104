import { type DType, dtypes } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';

/** TensorProto.DataType. */
export const onnxTypeCodes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
};

/** The types by their codes. */
export const onnxDTypes: ReadonlyMap<number, DType> = new Map(dtypes.map((dtype) => [onnxTypeCodes[dtype], dtype]));

export function isKnownTypeCode(code: number | undefined): boolean {
  return onnxDTypes.has(code ?? 0);
}

/** @throws InputError for the types that normlab has no use for: strings, complex numbers, 8- and 4-bit floats. */
export function dtypeOfCode(code: number | undefined, where: string): DType {
  const dtype = onnxDTypes.get(code ?? 0);
  if (dtype === undefined) throw new InputError(`${where}: element type ${code ?? 0} of ONNX is not supported`);
  return dtype;
}
