import { join } from 'node:path';
import { type Checkpoint, openCheckpoint, rowBlocks } from '../checkpoint/index.ts';
import { InputError } from '../core/errors.ts';
import { sameShape } from '../core/shape.ts';
import type { Value } from '../graph/index.ts';
import { checkTensors, type NeededTensor, neededTensors } from './check.ts';
import { isRecord } from './families/config.ts';
import type { Family } from './families/family.ts';
import { familyOf } from './families/index.ts';
import type { DecoderSpec } from './spec.ts';
import type { Storage } from './weights.ts';

/** A checkpoint whose config is understood and whose tensors have been checked against it. Close its checkpoint after use. */
export interface Model {
  readonly folder: string;
  readonly family: Family;
  readonly spec: DecoderSpec;
  /** Where this checkpoint holds each canonical parameter. */
  readonly storage: Storage;
  readonly checkpoint: Checkpoint;
  readonly config: Readonly<Record<string, unknown>>;
  /** The stored tensors that the decoder needs, each once. */
  readonly tensors: readonly NeededTensor[];
}

/**
 * Opens a model's folder. Reads no weights, but for a separate head beside a tied one, which must equal the embedding.
 *
 * Throws InputError or RefusalError, one line, for a config that normlab can't run and for tensors that are missing,
 * surplus, of another shape or not of a floating-point dtype.
 */
export async function openModel(folder: string): Promise<Model> {
  const checkpoint = await openCheckpoint(folder);
  try {
    const { config } = checkpoint;
    const where = join(folder, 'config.json');
    if (!isRecord(config)) throw new InputError(`${where}: is not a JSON object`);
    const family = familyOf(config, where);
    const spec = family.parse(config, where);
    const { storage, tensors, head } = fitTensors(checkpoint, family, spec);
    if (head !== undefined && checkpoint.tensors.has(head)) await checkTiedHead(checkpoint, storage, head);
    return { folder, family, spec, storage, checkpoint, config, tensors };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

/** Where a checkpoint holds a decoder's parameters. */
export interface FittedTensors {
  readonly storage: Storage;
  /** The stored tensors that the decoder needs, each once. */
  readonly tensors: readonly NeededTensor[];
  /** What a tied head would be called, and may be stored under. */
  readonly head: string | undefined;
}

/** Finds a decoder's tensors by their names and shapes alone. Throws InputError, one line, where they don't fit. */
export function fitTensors(
  { folder, tensors: stored }: Pick<Checkpoint, 'folder' | 'tensors'>,
  family: Family,
  spec: DecoderSpec,
): FittedTensors {
  const prefix = [...stored.keys()].some((name) => name.startsWith(family.namePrefix)) ? family.namePrefix : '';
  const storage = withPrefix(family.storage(spec), family.namePrefix, prefix);
  const tensors = neededTensors(spec, storage);
  const head = spec.tiedHead ? tiedHeadName(family, spec) : undefined;
  checkTensors(tensors, stored, {
    where: folder,
    family,
    mayHold: (name) => name === head || family.isBuffer(name.startsWith(prefix) ? name.slice(prefix.length) : name),
  });
  return { storage, tensors, head };
}

/** The weights of a model in float64, by stored name. */
export async function readParameters(model: Model): Promise<Readonly<Record<string, Value>>> {
  const values: Record<string, Value> = {};
  for (const { name, shape } of model.tensors) {
    values[name] = { dtype: 'float', shape, data: await model.checkpoint.readFloat64(name) };
  }
  return values;
}

function withPrefix(storage: Storage, from: string, to: string): Storage {
  if (from === to) return storage;
  const rename = (name: string) => (name.startsWith(from) ? to + name.slice(from.length) : name);
  return new Map([...storage].map(([name, stored]) => [name, { ...stored, tensor: rename(stored.tensor) }]));
}

function tiedHeadName(family: Family, spec: DecoderSpec): string | undefined {
  return family.storage({ ...spec, tiedHead: false }).get('head.weight')?.tensor;
}

/** Libraries disagree about a tied head that is stored too: some drop it, some use it. Only where it is equal they agree. */
async function checkTiedHead(checkpoint: Checkpoint, storage: Storage, head: string): Promise<void> {
  const embedding = storage.get('embedding.token.weight')?.tensor ?? '';
  if (await equalTensors(checkpoint, head, embedding)) return;
  throw new InputError(
    `${checkpoint.folder}: ${head} differs from ${embedding}, but config.json ties the head (tie_word_embeddings); set that to false or remove the tensor`,
  );
}

/** What a comparison holds of each tensor at once. */
const comparedBytes = 2 ** 22;

/** Whether two tensors hold the same numbers, whatever they are stored as. Reads them block by block. */
async function equalTensors(checkpoint: Checkpoint, one: string, other: string): Promise<boolean> {
  const [a, b] = [checkpoint.tensors.get(one), checkpoint.tensors.get(other)];
  if (a === undefined || b === undefined || !sameShape(a.shape, b.shape)) return false;
  for (const rows of rowBlocks(a, comparedBytes)) {
    const [left, right] = await Promise.all([checkpoint.readFloat64(one, rows), checkpoint.readFloat64(other, rows)]);
    if (!left.every((value, i) => value === right[i])) return false;
  }
  return true;
}
