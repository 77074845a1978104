import { writeAtomically } from '../../core/files.ts';
import { sizeEntries, type TensorEntry, writeFully, writeTensor } from '../safetensors/entries.ts';

/** Where a tensor lies in a file, in bytes. */
export interface DataPlace {
  readonly offset: number;
  readonly length: number;
}

/**
 * Writes tensors' bytes one after the other, each at a multiple of `alignment` bytes, and nothing else; returns where each
 * is. `path` changes only once everything is on the disk. Throws InputError as `writeSafetensors` does.
 */
export async function writeTensorData(
  path: string,
  entries: readonly TensorEntry[],
  alignment: number,
): Promise<ReadonlyMap<string, DataPlace>> {
  const places = new Map<string, DataPlace>();
  await writeAtomically(path, async (file) => {
    let end = 0;
    for (const { entry, byteLength } of sizeEntries(entries, path)) {
      const offset = Math.ceil(end / alignment) * alignment;
      await writeFully(file, new Uint8Array(offset - end));
      await writeTensor(file, entry, byteLength, path);
      places.set(entry.name, { offset, length: byteLength });
      end = offset + byteLength;
    }
  });
  return places;
}
