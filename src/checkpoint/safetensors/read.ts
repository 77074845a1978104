import { type FileHandle, open, stat } from 'node:fs/promises';
import { decodeFloat32, decodeFloat64 } from '../../core/encoding.ts';
import { InputError } from '../../core/errors.ts';
import { explainFileError } from '../../core/fileErrors.ts';
import { quote } from '../../core/quote.ts';
import { didYouMean } from '../../core/suggest.ts';
import type { TensorInfo } from './format.ts';
import { type Header, parseHeader, parseHeaderLength, prefixBytes } from './header.ts';
import { bytesOfRows, checkRange, type Range } from './rows.ts';

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

export interface SafetensorsFile extends TensorReader {
  readonly path: string;
  /** The header's free-form strings (`format`: `pt`, for instance). */
  readonly metadata: ReadonlyMap<string, string>;
}

/** Node reads at most 2 GiB at once. */
const maxReadBytes = 2 ** 30;

/**
 * Opens a safetensors file: reads and checks its header, none of its tensors. Close it after use.
 *
 * Throws InputError, one line, for a missing, truncated or malformed file. The format:
 * https://github.com/huggingface/safetensors.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await openRegularFile(path);
  try {
    const header = await readHeader(file, path);
    const readBytes = async (name: string, pick: (info: TensorInfo) => Range) => {
      const info = lookUp(header.tensors, name, path);
      const { start, end } = pick(info);
      const bytes = await readFully(file, info.byteOffset + start, end - start, path);
      return { bytes, dtype: info.dtype };
    };
    return {
      path,
      ...header,
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
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The entry of `name`. Throws InputError, which names the nearest one, where there is none. */
export function lookUp<Info>(tensors: ReadonlyMap<string, Info>, name: string, path: string): Info {
  const info = tensors.get(name);
  if (info !== undefined) return info;
  throw new InputError(`${path}: no tensor ${quote(name)}${didYouMean(name, tensors.keys())}`);
}

async function openRegularFile(path: string): Promise<FileHandle> {
  try {
    // Before it is opened: opening a pipe would wait for somebody to write to it.
    if (!(await stat(path)).isFile()) throw new InputError(`${path}: not a file, expected a safetensors file`);
    return await open(path, 'r');
  } catch (error) {
    throw explainFileError(error, path);
  }
}

async function readHeader(file: FileHandle, path: string): Promise<Header> {
  const fileBytes = (await file.stat()).size;
  const prefix = await readFully(file, 0, Math.min(prefixBytes, fileBytes), path);
  const length = parseHeaderLength(prefix, fileBytes, path);
  return parseHeader(await readFully(file, prefixBytes, length, path), fileBytes, path);
}

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
