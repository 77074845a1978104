import { byteSizes, type DType } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { formatShape, type StaticShape, sizeOf } from '../../core/shape.ts';
import { dtypeOfCode } from './dtypes.ts';
import { safeInteger } from './safe-integer.ts';
import { externalLocation, type TensorProto } from './schema.ts';
import type { OnnxExternalTensor, OnnxInitializer, OnnxTensor } from './types.ts';

export function decodeInitializer(tensor: TensorProto<bigint>, source: string): OnnxInitializer {
  return tensor.dataLocation === externalLocation ? decodeExternal(tensor, source) : decodeTensor(tensor, source);
}

/** Reads a tensor whose values are in the file, raw or in one of the typed lists. */
export function decodeTensor(tensor: TensorProto<bigint>, source: string): OnnxTensor {
  const { name, dtype, shape, where } = decodeHeader(tensor, source);
  if (tensor.dataLocation === externalLocation) {
    throw new InputError(`${where}: external data is supported for initializers only`);
  }
  const data = tensor.rawData ?? typedData(tensor, dtype);
  const expected = sizeOf(shape) * byteSizes[dtype];
  if (data.byteLength !== expected) {
    throw new InputError(
      `${where}: has ${data.byteLength} bytes, expected ${expected} for ${dtype} ${formatShape(shape)}`,
    );
  }
  return { name, dtype, shape, data };
}

function decodeExternal(tensor: TensorProto<bigint>, source: string): OnnxExternalTensor {
  const { name, dtype, shape, where } = decodeHeader(tensor, source);
  const entries = new Map((tensor.externalData ?? []).map(({ key, value }) => [key, value ?? '']));
  const location = entries.get('location');
  if (!location) throw new InputError(`${where}: external data without a location`);
  const bytes = (key: string, fallback: number): number => {
    const text = entries.get(key) ?? `${fallback}`;
    if (!/^\d{1,16}$/.test(text)) throw new InputError(`${where}: external ${key} is ${quote(text)}, expected bytes`);
    return safeInteger(Number(text), where);
  };
  const expected = sizeOf(shape) * byteSizes[dtype];
  const length = bytes('length', expected);
  if (length !== expected) {
    throw new InputError(
      `${where}: has ${length} external bytes, expected ${expected} for ${dtype} ${formatShape(shape)}`,
    );
  }
  return { name, dtype, shape, external: { location, offset: bytes('offset', 0), length } };
}

function decodeHeader(
  tensor: TensorProto<bigint>,
  source: string,
): { name: string; dtype: DType; shape: StaticShape; where: string } {
  const name = tensor.name ?? '';
  const where = `${source}: tensor ${quote(name)}`;
  const shape = (tensor.dims ?? []).map((dim) => safeInteger(dim, where));
  if (shape.some((dim) => dim < 0)) throw new InputError(`${where}: shape ${formatShape(shape)} has a negative length`);
  return { name, dtype: dtypeOfCode(tensor.dataType, where), shape, where };
}

/** The bytes of a typed list; ONNX keeps the narrow types, and halves as bits, in lists of wider integers. */
function typedData(tensor: TensorProto<bigint>, dtype: DType): Uint8Array {
  const values = typedValues(tensor, dtype);
  const data = new Uint8Array(values.length * byteSizes[dtype]);
  const view = new DataView(data.buffer);
  const set = setters[dtype];
  values.forEach((value, i) => {
    set(view, i * byteSizes[dtype], value);
  });
  return data;
}

function typedValues(tensor: TensorProto<bigint>, dtype: DType): readonly (number | bigint)[] {
  switch (dtype) {
    case 'float32':
      return tensor.floatData ?? [];
    case 'float64':
      return tensor.doubleData ?? [];
    case 'int64':
      return tensor.int64Data ?? [];
    case 'uint64':
    case 'uint32':
      return tensor.uint64Data ?? [];
    case 'int32':
    case 'int16':
    case 'int8':
    case 'uint16':
    case 'uint8':
    case 'bool':
    case 'float16':
    case 'bfloat16':
      return tensor.int32Data ?? [];
  }
}

type Setter = (view: DataView, offset: number, value: number | bigint) => void;
const setUint16: Setter = (view, offset, value) => view.setUint16(offset, Number(value), true);
const setUint8: Setter = (view, offset, value) => view.setUint8(offset, Number(value));
const setters: Readonly<Record<DType, Setter>> = {
  float64: (view, offset, value) => view.setFloat64(offset, Number(value), true),
  float32: (view, offset, value) => view.setFloat32(offset, Number(value), true),
  int64: (view, offset, value) => view.setBigInt64(offset, BigInt(value), true),
  uint64: (view, offset, value) => view.setBigUint64(offset, BigInt(value), true),
  int32: (view, offset, value) => view.setInt32(offset, Number(value), true),
  uint32: (view, offset, value) => view.setUint32(offset, Number(value), true),
  float16: setUint16,
  bfloat16: setUint16,
  int16: setUint16,
  uint16: setUint16,
  int8: setUint8,
  uint8: setUint8,
  bool: setUint8,
};
