import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { readJson } from '../core/files.ts';
import { quote } from '../core/quote.ts';

export const singleFileName = 'model.safetensors';
export const indexFileName = `${singleFileName}.index.json`;

/** Which file of a folder holds which tensor, as `model.safetensors.index.json` says it. */
export interface ShardIndex {
  /** The shards' file names, in the order in which they first come. */
  readonly shards: readonly string[];
  /** Tensor name to shard file name. */
  readonly shardOf: ReadonlyMap<string, string>;
}

/**
 * Reads a folder's shard index and checks that every shard is there.
 *
 * Throws InputError for a malformed index, a shard's name that is more than a file name, or missing shards.
 */
export async function readShardIndex(folder: string): Promise<ShardIndex> {
  const path = join(folder, indexFileName);
  const index = parseShardIndex(await readJson(path), path);
  const here = await Promise.all(index.shards.map((shard) => isFile(join(folder, shard))));
  const missing = index.shards.filter((_, i) => !here[i]);
  if (missing.length > 0) {
    const more = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
    throw new InputError(
      `${folder}: shard ${missing[0]}${more} of ${index.shards.length} is missing, which ${indexFileName} lists; download it again`,
    );
  }
  return index;
}

/** The checks of an index's contents; `path` begins the messages. */
export function parseShardIndex(value: unknown, path: string): ShardIndex {
  const map = typeof value === 'object' && value !== null && 'weight_map' in value ? value.weight_map : undefined;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new InputError(`${path}: has no weight_map (tensor name to file name); is it a shard index?`);
  }
  const shardOf = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== 'string') throw new InputError(`${path}: the file of tensor ${quote(tensor)} is not a string`);
    if (!isPlainFileName(shard)) {
      throw new InputError(
        `${path}: tensor ${quote(tensor)} is said to be in ${quote(shard)}, which is not a .safetensors file of the same folder`,
      );
    }
    shardOf.set(tensor, shard);
  }
  if (shardOf.size === 0) throw new InputError(`${path}: its weight_map is empty`);
  return { shards: [...new Set(shardOf.values())], shardOf };
}

/** A letter, digit, dot, dash or the like: nothing that leads out of the folder on any system. */
function isPlainFileName(name: string): boolean {
  return /^[^/\\:\p{Cc}]+\.safetensors$/u.test(name);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isFile(),
    () => false,
  );
}

/** Tensors that go into one file. */
export interface PlannedShard<T> {
  readonly fileName: string;
  readonly tensors: readonly T[];
}

/**
 * Spreads tensors, in order, over files of at most `maxBytes` each (one tensor where that is larger), named as Hugging Face
 * names them: `model.safetensors`, or `model-00001-of-00003.safetensors` and so on.
 */
export function planShards<T extends { readonly byteLength: number }>(
  tensors: readonly T[],
  maxBytes: number,
): readonly PlannedShard<T>[] {
  const groups: T[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    if (bytes > 0 && bytes + tensor.byteLength > maxBytes) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(tensor);
    bytes += tensor.byteLength;
  }
  const number = (i: number) => `${i}`.padStart(5, '0');
  return groups.map((group, i) => ({
    fileName: groups.length === 1 ? singleFileName : `model-${number(i + 1)}-of-${number(groups.length)}.safetensors`,
    tensors: group,
  }));
}
