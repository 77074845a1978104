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
  /** A tensor's stored bytes, little-endian, or those of a range of bytes. Throws InputError for an unknown name. */
  read(name: string, bytes?: Partial<Range>): Promise<Uint8Array<ArrayBuffer>>;
  /** A tensor's elements, or those of a range of rows (first axis), row by row, as float64. */
  readFloat64(name: string, rows?: Partial<Range>): Promise<Float64Array<ArrayBuffer>>;
  /** The same as float32. */
  readFloat32(name: string, rows?: Partial<Range>): Promise<Float32Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** Node reads at most 2 GiB at once. */
const maxReadBytes = 2 ** 30;

/** Reads the tensors of one open file, which is at `path`. */
export function tensorReader(file: FileHandle, tensors: ReadonlyMap<string, TensorInfo>, path: string): TensorReader {
  const readBytes = async (name: string, pick: (info: TensorInfo) => Range) => {
    const info = lookUp(tensors, name, path);
    const { start, end } = pick(info);
    const bytes = await readFully(file, info.byteOffset + start, end - start, path);
    return { bytes, dtype: info.dtype };
  };
  return {
    tensors,
    async read(name, range = {}) {
      return (await readBytes(name, (info) => checkRange(range, info.byteLength, 'bytes'))).bytes;
    },
    async readFloat64(name, rows) {
      const { bytes, dtype } = await readBytes(name, (info) => bytesOfRows(info, rows));
      return decodeFloat64(bytes, dtype);
    },
    async readFloat32(name, rows) {
      const { bytes, dtype } = await readBytes(name, (info) => bytesOfRows(info, rows));
      return decodeFloat32(bytes, dtype);
    },
    close: () => file.close(),
  };
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

/** So many bytes of a file. Throws InputError where it ends before. */
export async function readFully(file: FileHandle, position: number, length: number, path: string) {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, maxReadBytes), position + done);
    if (bytesRead === 0) throw new InputError(`${path}: became shorter while it was read, at byte ${position + done}`);
    done += bytesRead;
  }
  return bytes;
}
