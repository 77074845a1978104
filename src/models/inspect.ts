import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Checkpoint, exportError, ggufError, openCheckpoint } from '../checkpoint/index.ts';
import type { DType } from '../core/dtype.ts';
import { InputError, NormlabError } from '../core/errors.ts';
import { explainFileError } from '../core/fileErrors.ts';
import { readJson } from '../core/files.ts';
import { isRecord } from './families/config.ts';
import type { Family } from './families/family.ts';
import { familyOf } from './families/index.ts';
import { fitTensors } from './load.ts';
import type { DecoderSpec } from './spec.ts';

/** What the headers of a folder's files say about its weights. */
export interface StoredWeights {
  readonly files: number;
  readonly tensors: number;
  readonly bytes: number;
  /** Bytes by element type, the largest first. */
  readonly byDType: ReadonlyMap<DType, number>;
  /** The tensor that a tied head is stored as too. It is not compared here. */
  readonly storedHead: string | undefined;
}

/** A folder, as far as it is known without reading weights. */
export interface Inspection {
  readonly folder: string;
  readonly family: Family;
  readonly spec: DecoderSpec;
  readonly config: Readonly<Record<string, unknown>>;
  /** Null where the folder holds no weights, or files that can't be read. */
  readonly weights: StoredWeights | null;
  /** Why the weights can't be used with this config, in one line. */
  readonly problem: string | null;
}

/**
 * Reads a folder's `config.json` and the headers of its weights, no weights.
 *
 * A folder with the config alone is fine; weights that don't fit it are a `problem`. Throws InputError or RefusalError for
 * a config that is missing or that no family reads.
 */
export async function inspectFolder(folder: string): Promise<Inspection> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw explainFileError(error, folder);
  });
  if (!names.includes('config.json') && names.includes('snapshots')) {
    throw new InputError(`${folder}: this is a hub cache: choose one of the folders in snapshots/`);
  }
  if (!names.includes('config.json') && names.some((name) => name.endsWith('.gguf'))) throw ggufError(folder);
  const where = join(folder, 'config.json');
  const config = await readJson(where);
  if (!isRecord(config)) throw new InputError(`${where}: is not a JSON object`);
  // The config of a graph is its source's, which says nothing of the graph's norms.
  const isExport = names.includes('onnx') && !names.some(isWeightFile) && Object.hasOwn(config, 'normlab');
  if (isExport) throw exportError(folder);
  const family = familyOf(config, where);
  const spec = family.parse(config, where);
  const described = { folder, family, spec, config };
  if (!names.some(isWeightFile)) return { ...described, weights: null, problem: null };
  return { ...described, ...(await inspectWeights(described)) };
}

/** What the files of a model's weights are called: safetensors, their index, and what older repositories hold. */
function isWeightFile(name: string): boolean {
  return /\.safetensors(\.index\.json)?$|^pytorch_model.*\.bin(\.index\.json)?$/.test(name);
}

async function inspectWeights({
  folder,
  family,
  spec,
}: Pick<Inspection, 'folder' | 'family' | 'spec'>): Promise<Pick<Inspection, 'weights' | 'problem'>> {
  let checkpoint: Checkpoint;
  try {
    checkpoint = await openCheckpoint(folder);
  } catch (error) {
    return { weights: null, problem: problemOf(error) };
  }
  try {
    const { head } = fitTensors(checkpoint, family, spec);
    const storedHead = head !== undefined && checkpoint.tensors.has(head) ? head : undefined;
    return { weights: storedWeights(checkpoint, storedHead), problem: null };
  } catch (error) {
    return { weights: storedWeights(checkpoint, undefined), problem: problemOf(error) };
  } finally {
    await checkpoint.close();
  }
}

function problemOf(error: unknown): string {
  if (error instanceof NormlabError) return error.message;
  throw error;
}

function storedWeights({ files, tensors }: Checkpoint, storedHead: string | undefined): StoredWeights {
  const byDType = new Map<DType, number>();
  for (const { dtype, byteLength } of tensors.values()) byDType.set(dtype, (byDType.get(dtype) ?? 0) + byteLength);
  const sorted = [...byDType].sort(([, a], [, b]) => b - a);
  const bytes = sorted.reduce((sum, [, size]) => sum + size, 0);
  return { files: files.length, tensors: tensors.size, bytes, byDType: new Map(sorted), storedHead };
}
