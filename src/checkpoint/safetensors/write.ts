import { InputError } from '../../core/errors.ts';
import { writeAtomically } from '../../core/files.ts';
import { quote } from '../../core/quote.ts';
import { type SizedEntry, sizeEntries, type TensorEntry, writeFully, writeTensor } from './entries.ts';
import { formatDTypes, maxHeaderBytes, metadataKey } from './format.ts';
import { prefixBytes } from './header.ts';

export interface WriteSafetensorsOptions {
  /** Free-form strings for the header. Files for PyTorch carry `{format: 'pt'}`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

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
  if (entries.some(({ name }) => name === metadataKey)) {
    throw new InputError(`${path}: tensor ${quote(metadataKey)}: this name is reserved by the format`);
  }
  const header = encodeHeader(sized, options.metadata, path);
  await writeAtomically(path, async (file) => {
    await writeFully(file, header);
    for (const { entry, byteLength } of sized) await writeTensor(file, entry, byteLength, path);
  });
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
