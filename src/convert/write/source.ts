import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { explainFileError } from '../../core/fileErrors.ts';
import { ioBuffer } from '../../core/ioBuffer.ts';
import type { Model } from '../../models/index.ts';

/** Which files a conversion started from: `config.json` and the weights, and one hash over all of them. */
export interface SourceHash {
  /** Of the list of files, a line `<sha256>  <name>` each, as `sha256sum` prints it. */
  readonly sha256: string;
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

export interface HashOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes that were hashed since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Hashes a model's files. Throws InputError where one can't be read. */
export async function hashSource({ folder, checkpoint }: Model, options: HashOptions = {}): Promise<SourceHash> {
  const files = [];
  for (const path of sourceFiles(folder, checkpoint.files)) {
    files.push({ name: basename(path), sha256: await hashFile(path, options) });
  }
  const list = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
  return { sha256: createHash('sha256').update(list).digest('hex'), files };
}

/** The bytes that `hashSource` will read. */
export async function sourceBytes({ folder, checkpoint }: Model): Promise<number> {
  const sizes = await Promise.all(sourceFiles(folder, checkpoint.files).map(async (path) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function sourceFiles(folder: string, weights: readonly string[]): readonly string[] {
  return [join(folder, 'config.json'), ...weights];
}

const hashedBytes = 2 ** 21;

async function hashFile(path: string, { signal, onBytes }: HashOptions): Promise<string> {
  const hash = createHash('sha256');
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    // While one buffer is hashed the other one is read.
    let [current, other] = [ioBuffer(hashedBytes), ioBuffer(hashedBytes)];
    let reading = file.read(current, 0, hashedBytes);
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) break;
      reading = file.read(other, 0, hashedBytes);
      hash.update(current.subarray(0, bytesRead));
      onBytes?.(bytesRead);
      [current, other] = [other, current];
      if (signal?.aborted) {
        await reading;
        throw signal.reason;
      }
    }
  } catch (error) {
    throw explainFileError(error, path);
  } finally {
    await file?.close();
  }
  return hash.digest('hex');
}
