import { InputError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';

/** Token ids to predict from, and the ids that follow them: both `[batch, context]`, row by row. */
export interface Batch {
  readonly inputs: Int32Array;
  /** `targets[b, t]` is the token after `inputs[b, t]`. */
  readonly targets: Int32Array;
  readonly batch: number;
  readonly context: number;
}

export interface TrainBatchOptions {
  /** Sequences per batch. */
  readonly batch: number;
  /** Tokens per sequence. */
  readonly context: number;
  /** Which batch of the run, from 0. */
  readonly step: number;
  /** The run's stream for data; only its seed and path count, not how many numbers were drawn from it. */
  readonly random: Random;
}

/**
 * The batch of a step: sequences that start anywhere in the text, each place as likely.
 *
 * A function of seed and step alone, so that every norm of a comparison sees the same batches, and a resumed run goes on
 * with the batch it would have had. Throws an InputError for a text that is shorter than one batch.
 */
export function trainBatch(text: Uint8Array, options: TrainBatchOptions): Batch {
  const { batch, context, step, random } = options;
  requireBatch('training', text, batch, context);
  const stream = random.split(`batch ${step}`);
  const starts = Array.from({ length: batch }, () => stream.integer(text.length - context));
  return cut(text, starts, context);
}

export interface ValidationOptions {
  /** Sequences per batch. */
  readonly batch: number;
  /** Tokens per sequence. */
  readonly context: number;
  /** The most batches to return. Default: as many as the text has. */
  readonly limit?: number;
}

/**
 * Batches of whole windows of the held-out text, which don't overlap, are in order and spread evenly over it.
 *
 * The same at every call. What doesn't fill the last batch is left out. Throws an InputError for a text that is shorter
 * than one batch.
 */
export function validationBatches(text: Uint8Array, options: ValidationOptions): readonly Batch[] {
  const { batch, context, limit = Number.POSITIVE_INFINITY } = options;
  if (!(limit >= 1)) throw new RangeError(`text: the limit is ${limit} batches, expected at least 1`);
  requireBatch('held-out', text, batch, context);
  const windows = Math.floor((text.length - 1) / context);
  const batches = Math.min(Math.floor(limit), Math.floor(windows / batch));
  const used = batches * batch;
  const starts = Array.from({ length: used }, (_, i) => Math.floor((i * windows) / used) * context);
  return Array.from({ length: batches }, (_, i) => cut(text, starts.slice(i * batch, (i + 1) * batch), context));
}

function cut(text: Uint8Array, starts: readonly number[], context: number): Batch {
  const inputs = new Int32Array(starts.length * context);
  const targets = new Int32Array(starts.length * context);
  starts.forEach((start, row) => {
    inputs.set(text.subarray(start, start + context), row * context);
    targets.set(text.subarray(start + 1, start + context + 1), row * context);
  });
  return { inputs, targets, batch: starts.length, context };
}

function requireBatch(what: string, text: Uint8Array, batch: number, context: number): void {
  for (const [name, value] of Object.entries({ batch, context })) {
    if (!(Number.isInteger(value) && value >= 1)) {
      throw new InputError(`text: ${name} is ${value}, expected a whole number of at least 1`);
    }
  }
  const needed = batch * context + 1;
  if (text.length < needed) {
    throw new InputError(
      `text: the ${what} text has ${text.length} bytes, needs at least ${needed} for ${batch} × ${context}; use a smaller --context or --batch`,
    );
  }
}
