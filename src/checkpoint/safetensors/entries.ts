import type { FileHandle } from 'node:fs/promises';
import type { DType } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { formatShape, type StaticShape } from '../../core/shape.ts';
import { byteLengthOf, isCount } from './header.ts';

/**
 * A tensor to be written: its bytes (little-endian, row by row), or a function that yields them piece by piece. Whoever
 * asks for a piece has done with those before it, whose memory may hold something else by then.
 */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: StaticShape;
  readonly data: Uint8Array | (() => AsyncIterable<Uint8Array>);
}

/** Node writes at most 2 GiB at once. */
const maxWriteBytes = 2 ** 30;

/** An entry and the bytes that its shape takes. */
export interface SizedEntry {
  readonly entry: TensorEntry;
  readonly byteLength: number;
}

/** The entries with their sizes. Throws InputError for a name that comes twice, a shape that is none, and data of another length. */
export function sizeEntries(entries: readonly TensorEntry[], path: string): readonly SizedEntry[] {
  const names = new Set<string>();
  return entries.map((entry) => {
    const { name, dtype, shape, data } = entry;
    const where = `${path}: tensor ${quote(name)}`;
    if (names.has(name)) throw new InputError(`${where}: given twice`);
    names.add(name);
    const byteLength = shape.every(isCount) ? byteLengthOf(dtype, shape) : undefined;
    if (byteLength === undefined)
      throw new InputError(`${where}: ${formatShape(shape)} is not a shape that can be stored`);
    if (data instanceof Uint8Array) checkLength(data.byteLength, entry, byteLength, path);
    return { entry, byteLength };
  });
}

function checkLength(actual: number, { name, dtype, shape }: TensorEntry, expected: number, path: string): void {
  if (actual === expected) return;
  const came = actual > expected ? `${actual} or more` : actual;
  throw new InputError(
    `${path}: tensor ${quote(name)}: ${dtype} ${formatShape(shape)} takes ${expected} bytes, its data has ${came}`,
  );
}

/** Writes a tensor's data piece by piece. Throws InputError where they are not as long as its shape says. */
export async function writeTensor(
  file: FileHandle,
  entry: TensorEntry,
  byteLength: number,
  path: string,
): Promise<void> {
  if (entry.data instanceof Uint8Array) return writeFully(file, entry.data);
  let written = 0;
  for await (const chunk of entry.data()) {
    written += chunk.byteLength;
    if (written > byteLength) checkLength(written, entry, byteLength, path);
    await writeFully(file, chunk);
  }
  checkLength(written, entry, byteLength, path);
}

/** Writes all bytes, however many, at a position of the file or where the last ones ended. */
export async function writeFully(file: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const length = Math.min(bytes.byteLength - done, maxWriteBytes);
    const { bytesWritten } = await file.write(bytes, done, length, position === undefined ? null : position + done);
    done += bytesWritten;
  }
}
