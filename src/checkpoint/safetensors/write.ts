import type { FileHandle } from 'node:fs/promises';
import type { DType } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { writeAtomically } from '../../core/files.ts';
import { quote } from '../../core/quote.ts';
import { formatShape, type StaticShape } from '../../core/shape.ts';
import { formatDTypes, maxHeaderBytes, metadataKey } from './format.ts';
import { byteLengthOf, isCount, prefixBytes } from './header.ts';

/** A tensor to be written: its bytes (little-endian, row by row), or a function that yields them piece by piece. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: StaticShape;
  readonly data: Uint8Array | (() => AsyncIterable<Uint8Array>);
}

export interface WriteSafetensorsOptions {
  /** Free-form strings for the header. Files for PyTorch carry `{format: 'pt'}`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Node writes at most 2 GiB at once. */
const maxWriteBytes = 2 ** 30;

/**
 * Writes a safetensors file, tensors in the given order; `path` changes only once everything is on the disk.
 *
 * Throws InputError where a name comes twice, a tensor's data isn't exactly as long as its shape and dtype say, or the
 * disk is full; then nothing of the new file stays.
 */
export async function writeSafetensors(
  path: string,
  entries: readonly TensorEntry[],
  options: WriteSafetensorsOptions = {},
): Promise<void> {
  const sized = sizeEntries(entries, path);
  const header = encodeHeader(sized, options.metadata, path);
  await writeAtomically(path, async (file) => {
    await writeFully(file, header);
    for (const { entry, byteLength } of sized) await writeTensor(file, entry, byteLength, path);
  });
}

interface SizedEntry {
  readonly entry: TensorEntry;
  readonly byteLength: number;
}

function sizeEntries(entries: readonly TensorEntry[], path: string): readonly SizedEntry[] {
  const names = new Set<string>();
  return entries.map((entry) => {
    const { name, dtype, shape, data } = entry;
    const where = `${path}: tensor ${quote(name)}`;
    if (name === metadataKey) throw new InputError(`${where}: this name is reserved by the format`);
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

function encodeHeader(
  entries: readonly SizedEntry[],
  metadata: Readonly<Record<string, string>> | undefined,
  path: string,
): Uint8Array {
  let end = 0;
  // Joined by hand: an object would move names that look like numbers to the front.
  const fields = entries.map(({ entry: { name, dtype, shape }, byteLength }) => {
    const begin = end;
    end += byteLength;
    const info = { dtype: formatDTypes[dtype], shape, data_offsets: [begin, end] };
    return `${JSON.stringify(name)}:${JSON.stringify(info)}`;
  });
  if (!Number.isSafeInteger(end)) throw new InputError(`${path}: all tensors together have more than 2^53 bytes`);
  if (metadata) fields.unshift(`"${metadataKey}":${JSON.stringify(metadata)}`);
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const length = Math.ceil(json.byteLength / 8) * 8;
  if (length > maxHeaderBytes) {
    throw new InputError(
      `${path}: the header would take ${length} bytes, the format allows ${maxHeaderBytes}; use shards`,
    );
  }
  const bytes = new Uint8Array(prefixBytes + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, prefixBytes);
  return bytes;
}

async function writeTensor(file: FileHandle, entry: TensorEntry, byteLength: number, path: string): Promise<void> {
  if (entry.data instanceof Uint8Array) return writeFully(file, entry.data);
  let written = 0;
  for await (const chunk of entry.data()) {
    written += chunk.byteLength;
    if (written > byteLength) checkLength(written, entry, byteLength, path);
    await writeFully(file, chunk);
  }
  checkLength(written, entry, byteLength, path);
}

async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.byteLength - done, maxWriteBytes));
    done += bytesWritten;
  }
}
