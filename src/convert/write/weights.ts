import { join } from 'node:path';
import { type Checkpoint, type TensorEntry, writeSafetensors } from '../../checkpoint/index.ts';
import { byteSizes } from '../../core/dtype.ts';
import { writeJsonAtomically } from '../../core/files.ts';
import { yieldToSignals } from '../../core/interrupt.ts';
import { sizeOf } from '../../core/shape.ts';
import type { Storage } from '../../models/index.ts';
import { storedParameters } from '../rules/apply.ts';
import type { OutputTensor } from './layout.ts';
import { type Piece, type PieceSource, pieceComputer, piecesHere, piecesInThreads, piecesOf } from './pieces.ts';

/** The source: an open checkpoint, and where it stores each canonical parameter. */
export interface WeightSource {
  readonly checkpoint: Checkpoint;
  readonly storage: Storage;
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes that were written since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Threads that compute, beside this one. 0: this one does. */
  readonly threads: number;
  /** Elements that are in memory at once in each of them where a matrix is transposed, by default 32 MiB of them as float64. */
  readonly maxElements?: number | undefined;
}

/** The bytes of a tensor as it will be stored. */
export function storedBytes({ rule, dtype }: OutputTensor): number {
  return sizeOf(rule.shape) * byteSizes[dtype];
}

/**
 * Computes the tensors in float64, block by block, and writes them rounded once to their dtype: as many files as the
 * source had, with an index where that is more than one. Throws as `streamTensors` does.
 */
export async function writeWeights(
  folder: string,
  tensors: readonly OutputTensor[],
  source: WeightSource,
  options: WriteOptions,
): Promise<void> {
  await streamTensors(tensors, source, options, async (files) => {
    for (const [file, entries] of files) {
      await writeSafetensors(join(folder, file), entries, { metadata: { format: 'pt' } });
    }
  });
  const files = new Set(tensors.map(({ file }) => file));
  if (files.size === 1 && files.has('model.safetensors')) return;
  await writeJsonAtomically(join(folder, 'model.safetensors.index.json'), {
    metadata: { total_size: tensors.reduce((sum, tensor) => sum + storedBytes(tensor), 0) },
    weight_map: Object.fromEntries(tensors.map(({ name, file }) => [name, file])),
  });
}

/**
 * Gives the files of the output, by name in alphabetical order, to whoever writes them: each as entries whose data are
 * computed as they are asked for. They must be asked for in this order, file after file and entry after entry, once.
 *
 * The same bytes come out whatever the number of threads. Memory is bounded by what threads may compute ahead and a few
 * blocks for each. Throws InputError for a value that its dtype can't hold.
 */
export async function streamTensors(
  tensors: readonly OutputTensor[],
  source: WeightSource,
  options: WriteOptions,
  write: (files: ReadonlyMap<string, readonly TensorEntry[]>) => Promise<void>,
): Promise<void> {
  const { signal, onBytes, maxElements } = options;
  const files = [...new Set(tensors.map(({ file }) => file))].sort();
  const entriesOf = files.map((file) => partsOf(tensors, file));
  const parameters = storedParameters(source.checkpoint, source.storage, maxElements);
  const pieces = piecesOf(tensors, parameters, maxElements);
  const inOrder = entriesOf.flat(2).flatMap(({ number }) => pieces[number] ?? []);
  const computed =
    options.threads === 0
      ? piecesHere(inOrder, pieceComputer(tensors, parameters, maxElements))
      : inThreads(inOrder, tensors, source, options);
  const next = async () => {
    await yieldToSignals(signal);
    const bytes = await computed.next();
    onBytes?.(bytes.byteLength);
    return bytes;
  };
  const entries = files.map(
    (file, i) => [file, (entriesOf[i] ?? []).map((parts) => entryOf(parts, pieces, next))] as const,
  );
  try {
    await write(new Map(entries));
  } finally {
    await computed.close();
  }
}

function inThreads(
  pieces: readonly Piece[],
  tensors: readonly OutputTensor[],
  { checkpoint, storage }: WeightSource,
  { threads, maxElements }: WriteOptions,
): PieceSource {
  return piecesInThreads(pieces, { folder: checkpoint.folder, storage, tensors, maxElements }, threads);
}

interface NumberedTensor {
  readonly number: number;
  readonly tensor: OutputTensor;
}

/** The tensors of a file, each as its parts in the order of their rows. */
function partsOf(tensors: readonly OutputTensor[], file: string): readonly (readonly NumberedTensor[])[] {
  const parts = new Map<string, NumberedTensor[]>();
  for (const [number, tensor] of tensors.entries()) {
    if (tensor.file === file) parts.set(tensor.name, [...(parts.get(tensor.name) ?? []), { number, tensor }]);
  }
  const row = ({ tensor }: NumberedTensor) => tensor.within?.row ?? 0;
  return [...parts.values()].map((list) => list.sort((a, b) => row(a) - row(b)));
}

/** A tensor of the file from all its parts. */
function entryOf(
  parts: readonly NumberedTensor[],
  pieces: readonly (readonly Piece[])[],
  next: () => Promise<Uint8Array>,
): TensorEntry {
  const [first] = parts;
  if (first === undefined) throw new Error('convert: a tensor has no parts');
  const { name, rule, transposed, within, dtype } = first.tensor;
  const count = parts.reduce((sum, { number }) => sum + (pieces[number]?.length ?? 0), 0);
  return {
    name,
    dtype,
    shape: within?.shape ?? (transposed ? [...rule.shape].reverse() : rule.shape),
    async *data() {
      for (let i = 0; i < count; i++) yield await next();
    },
  };
}
