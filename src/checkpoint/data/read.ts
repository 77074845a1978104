import { type FileHandle, open } from 'node:fs/promises';
import { explainFileError } from '../../core/fileErrors.ts';
import { lookUp, readFully, type TensorReader, tensorReader } from '../fileReader.ts';
import type { CheckpointTensor } from '../folder.ts';

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
  return tensorReader(
    tensors,
    {
      read: ({ file, byteOffset }, { start, end }, into) =>
        readFully(lookUp(files, file, source), byteOffset + start, end - start, file, into),
      close,
    },
    source,
  );
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw explainFileError(error, path);
  }
}
