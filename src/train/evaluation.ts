import { createRandom } from '../core/random.ts';
import { type Batch, type Corpus, trainBatch, validationBatches } from '../text/index.ts';
import { shapeOf, type TrainConfig } from './config.ts';

/** As many held-out batches as hold the given number of tokens, at least one. */
export function evaluationBatches(config: TrainConfig, corpus: Corpus, tokens: number): readonly Batch[] {
  const shape = shapeOf(config);
  const limit = Math.max(1, Math.round(tokens / (shape.batch * shape.context)));
  return validationBatches(corpus.validation, { ...shape, limit });
}

/** Throws an `InputError` for a text that is shorter than one batch. */
export function requireText(config: TrainConfig, corpus: Corpus): void {
  trainBatch(corpus.train, { ...shapeOf(config), step: 0, random: createRandom(0) });
  evaluationBatches(config, corpus, 1);
}
