import { join } from 'node:path';
import { encode, type TensorEntry, writeSafetensors } from '../../checkpoint/index.ts';
import { byteSizes } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { writeJsonAtomically } from '../../core/files.ts';
import { yieldToSignals } from '../../core/interrupt.ts';
import { sizeOf } from '../../core/shape.ts';
import { applyRule } from '../rules/apply.ts';
import { blocksOf, transpose } from '../rules/matrix.ts';
import type { Parameters } from '../rules/steps.ts';
import type { OutputTensor } from './layout.ts';
import { roundingOf } from './rounding.ts';

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes that were written since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Elements that are in memory at once, by default 64 MiB of them as float64. */
  readonly maxElements?: number | undefined;
}

/** The bytes of a tensor as it will be stored. */
export function storedBytes({ rule, dtype }: OutputTensor): number {
  return sizeOf(rule.shape) * byteSizes[dtype];
}

/**
 * Computes the tensors in float64, block by block, and writes them rounded once to their dtype: as many files as the
 * source had, with an index where that is more than one.
 *
 * Memory is bounded by a few blocks. Throws InputError for a value that its dtype can't hold.
 */
export async function writeWeights(
  folder: string,
  tensors: readonly OutputTensor[],
  parameters: Parameters,
  options: WriteOptions,
): Promise<void> {
  const files = [...new Set(tensors.map(({ file }) => file))].sort();
  for (const file of files) {
    const parts = new Map<string, OutputTensor[]>();
    for (const tensor of tensors) {
      if (tensor.file === file) parts.set(tensor.name, [...(parts.get(tensor.name) ?? []), tensor]);
    }
    const entries = [...parts.values()].map((tensor) => entryOf(tensor, parameters, options));
    await writeSafetensors(join(folder, file), entries, { metadata: { format: 'pt' } });
  }
  if (files.length === 1 && files[0] === 'model.safetensors') return;
  await writeJsonAtomically(join(folder, 'model.safetensors.index.json'), {
    metadata: { total_size: tensors.reduce((sum, tensor) => sum + storedBytes(tensor), 0) },
    weight_map: Object.fromEntries(tensors.map(({ name, file }) => [name, file])),
  });
}

/** A tensor of the file from all its parts. */
function entryOf(parts: readonly OutputTensor[], parameters: Parameters, options: WriteOptions): TensorEntry {
  const inOrder = [...parts].sort((a, b) => (a.within?.row ?? 0) - (b.within?.row ?? 0));
  const [first] = inOrder;
  if (first === undefined) throw new Error('convert: a tensor has no parts');
  const { name, rule, transposed, within, dtype } = first;
  return {
    name,
    dtype,
    shape: within?.shape ?? (transposed ? [...rule.shape].reverse() : rule.shape),
    async *data() {
      for (const part of inOrder) yield* bytesOf(part, parameters, options);
    },
  };
}

async function* bytesOf(
  tensor: OutputTensor,
  parameters: Parameters,
  options: WriteOptions,
): AsyncGenerator<Uint8Array> {
  const { rule, transposed, dtype } = tensor;
  const canonical = applyRule(rule, parameters, options.maxElements);
  const matrix = transposed ? transpose(canonical, options.maxElements) : canonical;
  // Encoding rounds to nearest by itself.
  const round = rule.keepSums && roundingOf(rule, dtype, matrix.columns, transposed);
  for (const block of blocksOf(matrix, options.maxElements)) {
    await yieldToSignals(options.signal);
    const values = await matrix.read(block);
    checkRange(values, tensor);
    const bytes = encode(round?.(values) ?? values, dtype);
    options.onBytes?.(bytes.byteLength);
    yield bytes;
  }
}

/** The least magnitudes that round to infinity: half a step above the largest finite number. */
const overflow = {
  float64: Number.POSITIVE_INFINITY,
  float32: (2 - 2 ** -24) * 2 ** 127,
  bfloat16: (2 - 2 ** -8) * 2 ** 127,
  float16: 65520,
} as const;

function checkRange(values: Float64Array, { name, dtype }: OutputTensor): void {
  const bad = values.find((value) => !(Math.abs(value) < overflow[dtype]));
  if (bad === undefined) return;
  const advice = Number.isFinite(bad) ? 'choose a wider --dtype' : 'the source holds a value that is no finite number';
  throw new InputError(`${name}: ${bad} can't be stored as ${dtype}; ${advice}`);
}
