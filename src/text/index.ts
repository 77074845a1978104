export {
  type Batch,
  type TrainBatchOptions,
  trainBatch,
  type ValidationOptions,
  validationBatches,
} from './batches.ts';
export { type Corpus, documentSeparator } from './corpus.ts';
export { type ByteEntropies, byteEntropies } from './entropy.ts';
export { loadTextFiles, type TextFilesOptions } from './files.ts';
export { loadSotu } from './sotu.ts';
export { readTextStart } from './start.ts';
export * from './tokenizers/index.ts';
