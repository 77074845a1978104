import { open, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { explainFileError } from '../../core/fileErrors.ts';
import { quote } from '../../core/quote.ts';
import type { OnnxExternalTensor, OnnxInitializer } from './types.ts';

/** The files beside a model that hold bytes of its initializers. */
export interface ExternalData {
  /** Their paths, links resolved, in the order in which the model names them first. */
  readonly files: readonly string[];
  /** Reads a tensor's bytes, or `length` of them from `start`, in blocks of no more than a few MiB. */
  readonly read: (tensor: OnnxExternalTensor, start?: number, length?: number) => AsyncGenerator<Uint8Array>;
}

/** Bytes that are read at once. */
const blockBytes = 2 ** 22;

/**
 * Finds the files that initializers name, without opening them.
 *
 * Throws InputError for a name that leads out of the model's folder (absolute, with `..`, a link to elsewhere), for what is
 * no file, and where one is too short. In a cache of links, the folder of what the model itself is a link to is as good.
 */
export async function externalData(modelPath: string, initializers: readonly OnnxInitializer[]): Promise<ExternalData> {
  const folder = dirname(modelPath);
  const tensors = initializers.filter((tensor): tensor is OnnxExternalTensor => 'external' in tensor);
  const places = new Map<string, { readonly path: string; readonly size: number }>();
  for (const { name, external } of tensors) {
    const { location, offset, length } = external;
    const where = `${modelPath}: initializer ${quote(name)}`;
    const place = places.get(location) ?? (await resolvePlace(modelPath, folder, location, where));
    places.set(location, place);
    if (offset + length > place.size) {
      throw new InputError(
        `${where}: is at bytes ${offset} to ${offset + length} of ${quote(location)}, which has ${place.size}. Was it downloaded completely?`,
      );
    }
  }
  return {
    files: [...new Set([...places.values()].map(({ path }) => path))],
    async *read(tensor, start = 0, length = tensor.external.length - start) {
      const place = places.get(tensor.external.location);
      if (place === undefined) throw new Error(`onnx: ${tensor.name} is no tensor of this model`);
      yield* readRange(place.path, tensor.external.offset + start, length);
    },
  };
}

async function resolvePlace(modelPath: string, folder: string, location: string, where: string) {
  const parts = location.split(/[\\/]/);
  if (isAbsolute(location) || /^[A-Za-z]:/.test(location) || parts.includes('..') || location.includes('\0')) {
    throw new InputError(`${where}: its data are at ${quote(location)}, which leads out of the model's folder`);
  }
  const named = join(folder, location);
  try {
    const path = await realpath(named);
    // The model itself may be yet to come.
    const modelFolder = await realpath(modelPath).then(dirname, () => folder);
    const folders = [await realpath(folder), modelFolder];
    if (!folders.some((inside) => contains(inside, path))) {
      throw new InputError(`${where}: its data are at ${quote(location)}, a link that leads out of the model's folder`);
    }
    const status = await stat(path);
    if (!status.isFile()) throw new InputError(`${where}: its data are at ${quote(location)}, which is no file`);
    return { path, size: status.size };
  } catch (error) {
    throw explainFileError(error, named);
  }
}

function contains(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way.split(sep)[0] !== '..' && !isAbsolute(way);
}

async function* readRange(path: string, start: number, length: number): AsyncGenerator<Uint8Array> {
  let file: Awaited<ReturnType<typeof open>> | undefined;
  try {
    file = await open(path, 'r');
    for (let at = 0; at < length; ) {
      const block = new Uint8Array(Math.min(blockBytes, length - at));
      const { bytesRead } = await file.read(block, 0, block.length, start + at);
      if (bytesRead === 0) throw new InputError(`${path}: became shorter while it was read`);
      at += bytesRead;
      yield block.subarray(0, bytesRead);
    }
  } catch (error) {
    throw explainFileError(error, path);
  } finally {
    await file?.close();
  }
}
