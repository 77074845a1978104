import { type FileHandle, open } from 'node:fs/promises';
import { decodeFloat32, decodeFloat64 } from '../../core/encoding.ts';
import { explainFileError } from '../../core/fileErrors.ts';
import type { CheckpointTensor } from '../folder.ts';
import { lookUp, readFully, type TensorReader } from '../safetensors/read.ts';
import { bytesOfRows, checkRange, type Range } from '../safetensors/rows.ts';

/** Gives tensors of which it is known where they lie. `source` begins the messages. Throws InputError for files that can't be opened. */
export async function openTensorData(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  source: string,
): Promise<TensorReader<CheckpointTensor>> {
  const files = new Map<string, FileHandle>();
  const close = async () => {
    await Promise.all([...files.values()].map((file) => file.close()));
  };
  try {
    for (const { file } of tensors.values()) if (!files.has(file)) files.set(file, await opened(file));
  } catch (error) {
    await close();
    throw error;
  }
  const readBytes = async (name: string, pick: (info: CheckpointTensor) => Range) => {
    const info = lookUp(tensors, name, source);
    const { start, end } = pick(info);
    const bytes = await readFully(lookUp(files, info.file, source), info.byteOffset + start, end - start, info.file);
    return { bytes, dtype: info.dtype };
  };
  const ofRows = (name: string, rows?: Partial<Range>) => readBytes(name, (info) => bytesOfRows(info, rows));
  return {
    tensors,
    read: async (name, range = {}) =>
      (await readBytes(name, ({ byteLength }) => checkRange(range, byteLength, 'bytes'))).bytes,
    async readFloat64(name, rows) {
      const { bytes, dtype } = await ofRows(name, rows);
      return decodeFloat64(bytes, dtype);
    },
    async readFloat32(name, rows) {
      const { bytes, dtype } = await ofRows(name, rows);
      return decodeFloat32(bytes, dtype);
    },
    close,
  };
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw explainFileError(error, path);
  }
}
