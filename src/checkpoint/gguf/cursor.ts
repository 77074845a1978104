import { InputError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';

/** Thrown where a header goes on beyond the bytes that were read of a file that has more. */
export class NeedsMoreBytes extends Error {}

export type NumberKind =
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'uint32'
  | 'int32'
  | 'float32'
  | 'uint64'
  | 'int64'
  | 'float64';

/** Reads little-endian values one after another. Each call says what it reads, for the message where the file ends before. */
export interface ByteReader {
  /** How many bytes have been read. */
  readonly position: number;
  uint32(what: string): number;
  number(kind: NumberKind, what: string): number;
  /** 64 bits that are a whole number below 2⁵³. */
  length(what: string): number;
  /** A `length` of things that take at least so many bytes each, which the rest of the file has room for. */
  count(what: string, leastBytes: number): number;
  /** So many bytes as UTF-8. */
  text(byteLength: number, what: string): string;
  /** A length and so many bytes of UTF-8. */
  string(what: string, maxBytes?: number): string;
}

/**
 * Reads `bytes`, the first ones of a file of `fileBytes`. Throws InputError where the file ends too early, NeedsMoreBytes
 * where they do.
 */
export function createByteReader(bytes: Uint8Array, fileBytes: number, path: string): ByteReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let position = 0;

  function take(count: number, what: string): number {
    const at = position;
    if (at + count > fileBytes) {
      throw new InputError(
        `${path}: ends at byte ${fileBytes}, inside of ${quote(what)}; it was cut off, get it again`,
      );
    }
    if (at + count > bytes.length) throw new NeedsMoreBytes();
    position = at + count;
    return at;
  }

  const number = (kind: NumberKind, what: string): number => {
    switch (kind) {
      case 'uint8':
        return view.getUint8(take(1, what));
      case 'int8':
        return view.getInt8(take(1, what));
      case 'uint16':
        return view.getUint16(take(2, what), true);
      case 'int16':
        return view.getInt16(take(2, what), true);
      case 'uint32':
        return view.getUint32(take(4, what), true);
      case 'int32':
        return view.getInt32(take(4, what), true);
      case 'float32':
        return view.getFloat32(take(4, what), true);
      case 'float64':
        return view.getFloat64(take(8, what), true);
      case 'uint64':
        return Number(view.getBigUint64(take(8, what), true));
      case 'int64':
        return Number(view.getBigInt64(take(8, what), true));
    }
  };
  const length = (what: string): number => {
    const value = number('uint64', what);
    if (Number.isSafeInteger(value)) return value;
    throw new InputError(`${path}: a length of ${quote(what)} is ${value}, more than any file holds`);
  };
  const count = (what: string, leastBytes: number): number => {
    const value = length(what);
    if (value * leastBytes <= fileBytes - position) return value;
    throw new InputError(
      `${path}: ${quote(what)} is ${value}, which the ${fileBytes} bytes of the file have no room for`,
    );
  };
  const text = (byteLength: number, what: string): string => {
    const at = take(byteLength, what);
    try {
      return decoder.decode(bytes.subarray(at, at + byteLength));
    } catch (error) {
      throw new InputError(`${path}: ${quote(what)} is not UTF-8`, { cause: error });
    }
  };
  return {
    get position() {
      return position;
    },
    uint32: (what) => number('uint32', what),
    number,
    length,
    count,
    text,
    string(what, maxBytes) {
      const byteLength = length(what);
      if (maxBytes !== undefined && byteLength > maxBytes) {
        throw new InputError(`${path}: ${quote(what)} has ${byteLength} bytes, at most ${maxBytes} are allowed`);
      }
      return text(byteLength, what);
    },
  };
}
