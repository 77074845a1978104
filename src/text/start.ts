import { open } from 'node:fs/promises';
import { InputError } from '../core/errors.ts';
import { explainFileError } from '../core/fileErrors.ts';
import { sizeOfFile } from '../core/files.ts';

/**
 * The beginning of a UTF-8 file: at most `maxBytes` of it, without a character that they cut in two.
 *
 * Throws an InputError, which names the file, for one that can't be read or isn't UTF-8 text.
 */
export async function readTextStart(path: string, maxBytes: number): Promise<string> {
  const size = await sizeOfFile(path);
  const bytes = await readBytes(path, Math.min(size, maxBytes));
  if (bytes.includes(0)) throw new InputError(`${path}: is no plain text (it holds a zero byte)`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: bytes.length < size });
  } catch (error) {
    throw new InputError(`${path}: is not UTF-8`, { cause: error });
  }
}

async function readBytes(path: string, length: number): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explainFileError(error, path);
  }
}
