import { byteSizes, type DType } from './dtype.ts';
import { InputError } from './errors.ts';
import { float16ToNumber, roundToBfloat16, roundToHalves } from './rounding.ts';

// Stored numbers are little-endian, and so is every machine that ONNX Runtime for Node is built for: typed arrays
// can look at the bytes as they are.

const float16Values = Float32Array.from({ length: 65536 }, (_, bits) => float16ToNumber(bits));

/**
 * The stored elements of `bytes` as float64, in a new array. The bytes may start at any offset of their buffer.
 *
 * Exact, but for 64-bit integers beyond ±2^53, which are rounded to nearest. Throws InputError for a part of an element.
 */
export function decodeFloat64(bytes: Uint8Array, dtype: DType): Float64Array<ArrayBuffer> {
  switch (dtype) {
    case 'bfloat16':
      return decodeBfloat16(halves(bytes, dtype));
    case 'float16':
      return new Float64Array(decodeFloat32(bytes, dtype));
    case 'int64':
    case 'uint64':
      return Float64Array.from<number | bigint>(longIntegers(bytes, dtype), Number);
    case 'bool':
      return Float64Array.from(bytes, (byte) => (byte === 0 ? 0 : 1));
    default:
      return new Float64Array(plainNumbers(bytes, dtype));
  }
}

const chunkFloats = new Float32Array(2048);
const chunkBits = new Uint32Array(chunkFloats.buffer);

/** Through a chunk that stays in the processor's cache. */
function decodeBfloat16(stored: Uint16Array): Float64Array<ArrayBuffer> {
  const values = new Float64Array(stored.length);
  for (let start = 0; start < stored.length; start += chunkBits.length) {
    const length = Math.min(chunkBits.length, stored.length - start);
    for (let i = 0; i < length; i++) chunkBits[i] = (stored[start + i] as number) << 16;
    for (let i = 0; i < length; i++) values[start + i] = chunkFloats[i] as number;
  }
  return values;
}

/**
 * The stored elements of `bytes` as float32, in a new array; what float32 can't hold is rounded to nearest, ties to even.
 *
 * Exact for float32, float16 and bfloat16. Throws InputError for a part of an element.
 */
export function decodeFloat32(bytes: Uint8Array, dtype: DType): Float32Array<ArrayBuffer> {
  switch (dtype) {
    case 'bfloat16': {
      const stored = halves(bytes, dtype);
      const bits = new Uint32Array(stored.length);
      for (let i = 0; i < bits.length; i++) bits[i] = (stored[i] ?? 0) << 16;
      return new Float32Array(bits.buffer);
    }
    case 'float16': {
      const stored = halves(bytes, dtype);
      const values = new Float32Array(stored.length);
      for (let i = 0; i < values.length; i++) values[i] = float16Values[stored[i] ?? 0] ?? 0;
      return values;
    }
    case 'int64':
    case 'uint64':
    case 'bool':
      return new Float32Array(decodeFloat64(bytes, dtype));
    default:
      return new Float32Array(plainNumbers(bytes, dtype));
  }
}

/**
 * `values` as stored bytes of `dtype`: floats rounded once, to nearest and ties to even, overflow to infinity.
 *
 * Throws InputError where an integer type or `bool` can't hold a value exactly.
 */
export function encode(values: Float64Array | Float32Array, dtype: DType): Uint8Array<ArrayBuffer> {
  switch (dtype) {
    case 'float64':
      return bytesOf(new Float64Array(values));
    case 'float32':
      return bytesOf(new Float32Array(values));
    case 'float16':
    case 'bfloat16':
      if (dtype === 'bfloat16' && values instanceof Float32Array) return bytesOf(roundToBfloat16(values));
      return bytesOf(roundToHalves(values instanceof Float64Array ? values : new Float64Array(values), dtype));
    case 'int64':
      return bytesOf(BigInt64Array.from(checkIntegers(values, dtype), BigInt));
    case 'uint64':
      return bytesOf(BigUint64Array.from(checkIntegers(values, dtype), BigInt));
    case 'int32':
      return bytesOf(new Int32Array(checkIntegers(values, dtype)));
    case 'int16':
      return bytesOf(new Int16Array(checkIntegers(values, dtype)));
    case 'int8':
      return bytesOf(new Int8Array(checkIntegers(values, dtype)));
    case 'uint32':
      return bytesOf(new Uint32Array(checkIntegers(values, dtype)));
    case 'uint16':
      return bytesOf(new Uint16Array(checkIntegers(values, dtype)));
    case 'uint8':
    case 'bool':
      return new Uint8Array(checkIntegers(values, dtype));
  }
}

type IntegerDType = Exclude<DType, 'float64' | 'float32' | 'float16' | 'bfloat16'>;

/** The smallest value of each integer type, and the first one above its largest. */
const integerRanges: Readonly<Record<IntegerDType, readonly [number, number]>> = {
  int64: [-(2 ** 63), 2 ** 63],
  int32: [-(2 ** 31), 2 ** 31],
  int16: [-(2 ** 15), 2 ** 15],
  int8: [-128, 128],
  uint64: [0, 2 ** 64],
  uint32: [0, 2 ** 32],
  uint16: [0, 2 ** 16],
  uint8: [0, 256],
  bool: [0, 2],
};

function checkIntegers<T extends Float64Array | Float32Array>(values: T, dtype: IntegerDType): T {
  const [min, end] = integerRanges[dtype];
  const bad = values.findIndex((value) => !(Number.isInteger(value) && value >= min && value < end));
  if (bad >= 0) throw new InputError(`encode: entry ${bad} is ${values[bad]}, which ${dtype} can't hold`);
  return values;
}

function bytesOf(array: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

type PlainNumbers = Exclude<DType, 'float16' | 'bfloat16' | 'int64' | 'uint64' | 'bool'>;

function plainNumbers(bytes: Uint8Array, dtype: PlainNumbers) {
  const { buffer, byteOffset, length } = aligned(bytes, dtype);
  switch (dtype) {
    case 'float64':
      return new Float64Array(buffer, byteOffset, length);
    case 'float32':
      return new Float32Array(buffer, byteOffset, length);
    case 'int32':
      return new Int32Array(buffer, byteOffset, length);
    case 'int16':
      return new Int16Array(buffer, byteOffset, length);
    case 'int8':
      return new Int8Array(buffer, byteOffset, length);
    case 'uint32':
      return new Uint32Array(buffer, byteOffset, length);
    case 'uint16':
      return new Uint16Array(buffer, byteOffset, length);
    case 'uint8':
      return new Uint8Array(buffer, byteOffset, length);
  }
}

function halves(bytes: Uint8Array, dtype: 'float16' | 'bfloat16'): Uint16Array {
  const { buffer, byteOffset, length } = aligned(bytes, dtype);
  return new Uint16Array(buffer, byteOffset, length);
}

function longIntegers(bytes: Uint8Array, dtype: 'int64' | 'uint64'): BigInt64Array | BigUint64Array {
  const { buffer, byteOffset, length } = aligned(bytes, dtype);
  return dtype === 'int64'
    ? new BigInt64Array(buffer, byteOffset, length)
    : new BigUint64Array(buffer, byteOffset, length);
}

/** Where a typed array may look at `bytes`: in place, or in a copy where they start at an odd place. */
function aligned(bytes: Uint8Array, dtype: DType) {
  const size = byteSizes[dtype];
  if (bytes.byteLength % size !== 0) {
    throw new InputError(
      `decode: ${bytes.byteLength} bytes are not a whole number of ${dtype} elements of ${size} bytes`,
    );
  }
  const { buffer, byteOffset } = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return { buffer, byteOffset, length: bytes.byteLength / size };
}
