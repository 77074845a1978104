import { drawIndex } from '../core/drawIndex.ts';
import type { Random } from '../core/random.ts';
import type { Engine, EngineOptions } from '../engine/index.ts';
import type { DecoderSpec } from '../models/index.ts';
import type { Chunk } from './packing.ts';
import { createLogits } from './step.ts';

export interface SampleOptions {
  readonly count: number;
  /** Bytes that are added to each prompt. */
  readonly length: number;
  /** The text that prompts are cut from. */
  readonly prompts: Uint8Array;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

/** Samples text at temperature 0.8, each from the beginning of a piece of held-out text. A trained model's look, not its measure. */
export async function sampleTexts(
  spec: DecoderSpec,
  chunks: readonly Chunk[],
  parameters: readonly Float32Array[],
  engine: Engine,
  engineOptions: EngineOptions,
  options: SampleOptions,
): Promise<string> {
  const context = spec.maxPositions ?? 128;
  const promptLength = Math.min(32, Math.ceil(context / 2));
  const model = await createLogits(spec, { batch: 1, context }, chunks, engine, engineOptions);
  try {
    const texts: string[] = [];
    for (let i = 0; i < options.count; i++) {
      const random = options.random.split(`text ${i}`);
      const start = random.integer(options.prompts.length - promptLength);
      const ids = [...options.prompts.subarray(start, start + promptLength)];
      for (let k = 0; k < options.length; k++) {
        options.signal?.throwIfAborted();
        const seen = ids.slice(-context);
        const padded = Int32Array.from({ length: context }, (_, j) => seen[j] ?? 0);
        const logits = await model.run(parameters, padded);
        const last = (seen.length - 1) * spec.vocabularySize;
        ids.push(draw(logits.subarray(last, last + 256), 0.8, random));
      }
      texts.push(
        `--- sample ${i + 1}; prompt: ${JSON.stringify(printable(ids.slice(0, promptLength)))}\n${printable(ids.slice(promptLength))}\n`,
      );
    }
    return texts.join('\n');
  } finally {
    await model.release();
  }
}

/** Bytes as text; what is no UTF-8, or would move a terminal's cursor, is shown as U+FFFD. */
function printable(bytes: readonly number[]): string {
  return Buffer.from(bytes)
    .toString('utf8')
    .replace(/[^\P{Cc}\n\t]/gu, '\ufffd');
}

function draw(logits: Float32Array, temperature: number, random: Random): number {
  const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return drawIndex(
    Array.from(logits, (value) => Math.exp((value - top) / temperature)),
    random,
  );
}
