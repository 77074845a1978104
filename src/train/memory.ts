import { InputError, messageOf } from '../core/errors.ts';
import { formatBytes } from '../core/format.ts';
import { countParameters, type DecoderSpec } from '../models/index.ts';
import type { StepShape } from './step.ts';

/**
 * The memory that training takes, in bytes: AdamW's state going in and out of a step with the gradients between, what the
 * forward pass keeps for the backward pass, and the engine itself. The factors are fitted: seven shapes from 10⁴ to 10⁸
 * parameters took between 0.9 and 1.25 times as much.
 */
export function trainingMemory(spec: DecoderSpec, { batch, context }: StepShape): number {
  const floatBytes = 4;
  const engineBytes = 150 * 2 ** 20;
  const tokens = batch * context;
  const state = 12 * countParameters(spec);
  const perToken = spec.numLayers * (14 * spec.hiddenSize + 7 * spec.mlp.innerSize) + 6 * spec.vocabularySize;
  const scores = spec.numLayers * 6 * tokens * context * spec.attention.numHeads;
  const mask = 4 * context * context;
  return engineBytes + floatBytes * (state + tokens * perToken + scores + mask);
}

/** Throws an `InputError` where the runs that go on at the same time need more memory than there is. */
export function requireMemory(needs: readonly number[], availableBytes = process.availableMemory()): void {
  const needed = needs.reduce((a, b) => a + b, 0);
  if (needed <= availableBytes) return;
  const several = needs.length > 1 ? `${needs.length} runs at the same time need` : 'this needs';
  const fewer = needs.length > 1 ? 'fewer --processes, or ' : '';
  throw new InputError(
    `train: ${several} about ${formatBytes(needed)} of memory, and ${formatBytes(availableBytes)} are free; ` +
      `use ${fewer}a smaller --batch, --context, --hidden or --layers`,
  );
}

/** Runs `work` so that it fails with an `InputError` where the engine finds no memory. */
export async function explainingMemory<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!/bad_alloc|bad allocation|allocate memory|allocation failed|invalid array length/i.test(messageOf(error))) {
      throw error;
    }
    throw new InputError(
      'train: there was not enough memory; use a smaller --batch, --context, --hidden or --layers, or stop other programs',
      { cause: error },
    );
  }
}
