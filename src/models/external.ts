import { realpath, stat } from 'node:fs/promises';
import { dirname, relative, sep } from 'node:path';
import type { CheckpointTensor } from '../checkpoint/index.ts';
import { InputError } from '../core/errors.ts';
import { explainFileError } from '../core/fileErrors.ts';
import type { OnnxExternalTensor } from '../graph/index.ts';
import type { Model } from './load.ts';

/** A model's weights as an engine finds them: where in which file. */
export interface ExternalWeights {
  /** The folder to which the tensors' locations are relative. */
  readonly folder: string;
  /** By stored name, in the dtype and layout in which they are stored. */
  readonly tensors: ReadonlyMap<string, OnnxExternalTensor>;
}

/**
 * Where the weights of a model lie, for an engine that reads them by itself.
 *
 * Links, as a hub cache's folders hold, are resolved: engines refuse those that leave a folder. Every file is checked to be
 * as long as its header said, since an engine maps it and the system kills a process that reads behind a file's end.
 * Throws InputError for a file that is gone or has another length than when the model was opened.
 */
export async function externalWeights({ checkpoint, tensors }: Model): Promise<ExternalWeights> {
  const realPaths = new Map<string, string>();
  for (const [file, bytes] of fileLengths(checkpoint.tensors.values())) {
    realPaths.set(file, await checkedPath(file, bytes));
  }
  const folder = commonFolder([...realPaths.values()]);
  const external = tensors.map(({ name, shape }): [string, OnnxExternalTensor] => {
    const info = checkpoint.tensors.get(name);
    const path = realPaths.get(info?.file ?? '');
    if (info === undefined || path === undefined) throw new Error(`models: ${name} is in no file of the checkpoint`);
    const location = relative(folder, path).split(sep).join('/');
    const { dtype, byteOffset, byteLength } = info;
    return [name, { name, dtype, shape, external: { location, offset: byteOffset, length: byteLength } }];
  });
  return { folder, tensors: new Map(external) };
}

/** The bytes that each file has: its last tensor ends where it does. */
function fileLengths(tensors: Iterable<CheckpointTensor>): ReadonlyMap<string, number> {
  const lengths = new Map<string, number>();
  for (const { file, byteOffset, byteLength } of tensors) {
    lengths.set(file, Math.max(lengths.get(file) ?? 0, byteOffset + byteLength));
  }
  return lengths;
}

async function checkedPath(file: string, expectedBytes: number): Promise<string> {
  try {
    const path = await realpath(file);
    const { size } = await stat(path);
    if (size === expectedBytes) return path;
    throw new InputError(
      `${file}: has ${size} bytes, ${expectedBytes} when its header was read; was it written to meanwhile?`,
    );
  } catch (error) {
    throw explainFileError(error, file);
  }
}

/** The deepest folder that holds all files. */
function commonFolder(paths: readonly string[]): string {
  let folder = dirname(paths[0] ?? '');
  for (const path of paths) {
    while (!isInside(path, folder)) {
      if (dirname(folder) === folder)
        throw new InputError(`${path}: is on another drive than ${paths[0]}; move them together`);
      folder = dirname(folder);
    }
  }
  return folder;
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
