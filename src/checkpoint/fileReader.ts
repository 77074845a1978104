import { type FileHandle, open, stat } from 'node:fs/promises';
import { decodeFloat32, decodeFloat64 } from '../core/encoding.ts';
import { InputError } from '../core/errors.ts';
import { explainFileError } from '../core/fileErrors.ts';
import { quote } from '../core/quote.ts';
import { didYouMean } from '../core/suggest.ts';
import type { TensorInfo } from './safetensors/format.ts';
import { bytesOfRows, checkRange, type Range } from './safetensors/rows.ts';

/** Named tensors that are read when asked for, whole or in part. */
export interface TensorReader<Info extends TensorInfo = TensorInfo> {
  readonly tensors: ReadonlyMap<string, Info>;
  /**
   * A tensor's stored bytes, little-endian, or those of a range of bytes; in `into`, where that is given and has room, else
   * in a new array. Throws InputError for an unknown name.
   */
  read(name: string, bytes?: Partial<Range>, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** A tensor's elements, or those of a range of rows (first axis), row by row, as float64. */
  readFloat64(name: string, rows?: Partial<Range>): Promise<Float64Array<ArrayBuffer>>;
  /** The same as float32. */
  readFloat32(name: string, rows?: Partial<Range>): Promise<Float32Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** Node reads at most 2 GiB at once. */
const maxReadBytes = 2 ** 30;

/** Where the bytes of tensors come from. */
export interface TensorBytes<Info extends TensorInfo> {
  read(info: Info, range: Range, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** Reads tensors of which it is known where they lie. `source` begins the messages. */
export function tensorReader<Info extends TensorInfo>(
  tensors: ReadonlyMap<string, Info>,
  bytes: TensorBytes<Info>,
  source: string,
): TensorReader<Info> {
  return {
    tensors,
    async read(name, range = {}, into = undefined) {
      const info = lookUp(tensors, name, source);
      return bytes.read(info, checkRange(range, info.byteLength, 'bytes'), into);
    },
    async readFloat64(name, rows) {
      const info = lookUp(tensors, name, source);
      return decodeFloat64(await bytes.read(info, bytesOfRows(info, rows)), info.dtype);
    },
    async readFloat32(name, rows) {
      const info = lookUp(tensors, name, source);
      return decodeFloat32(await bytes.read(info, bytesOfRows(info, rows)), info.dtype);
    },
    close: () => bytes.close(),
  };
}

/** Reads the tensors of one open file, which is at `path`. */
export function fileReader<Info extends TensorInfo>(
  file: FileHandle,
  tensors: ReadonlyMap<string, Info>,
  path: string,
): TensorReader<Info> {
  const read: TensorBytes<Info>['read'] = ({ byteOffset }, { start, end }, into) =>
    readFully(file, byteOffset + start, end - start, path, into);
  return tensorReader(tensors, { read, close: () => file.close() }, path);
}

/** The entry of `name`. Throws InputError, which names the nearest one, where there is none. */
export function lookUp<Info>(tensors: ReadonlyMap<string, Info>, name: string, path: string): Info {
  const info = tensors.get(name);
  if (info !== undefined) return info;
  throw new InputError(`${path}: no tensor ${quote(name)}${didYouMean(name, tensors.keys())}`);
}

/** Opens a file for reading. Throws InputError where there is none; `format` is what was expected there. */
export async function openRegularFile(path: string, format: string): Promise<FileHandle> {
  try {
    // Before it is opened: opening a pipe would wait for somebody to write to it.
    if (!(await stat(path)).isFile()) throw new InputError(`${path}: not a file, expected a ${format} file`);
    return await open(path, 'r');
  } catch (error) {
    throw explainFileError(error, path);
  }
}

/** So many bytes of a file, in `into` where that has room. Throws InputError where it ends before. */
export async function readFully(
  file: FileHandle,
  position: number,
  length: number,
  path: string,
  into?: Uint8Array<ArrayBuffer>,
) {
  const bytes = into !== undefined && into.length >= length ? into.subarray(0, length) : new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, maxReadBytes), position + done);
    if (bytesRead === 0) throw new InputError(`${path}: became shorter while it was read, at byte ${position + done}`);
    done += bytesRead;
  }
  return bytes;
}
