export { type CompareOptions, type CompareProgress, compare } from './compare.ts';
export {
  baseline,
  type Comparison,
  defaultMargin,
  type NormSummary,
  type PairedResult,
  summarize,
} from './comparison.ts';
export { defaultConfig, learningRateAt, parseConfig, type TrainConfig, usualWarmupSteps } from './config.ts';
export { loadCorpus } from './corpus.ts';
export { evaluationBatches, requireText } from './evaluation.ts';
export { initialParameter, type TrainModel, trainSpec } from './model.ts';
export type { TrainOptions, TrainProgress, TrainResult } from './options.ts';
export { type RunOutcome, readOutcome } from './outcome.ts';
export { type RunRecord, readRunRecord } from './record.ts';
export { trainRun } from './run.ts';
export {
  type Batch,
  createTrainStep,
  idTensor,
  initialState,
  type OptimizerConfig,
  type StepResult,
  type StepShape,
  type TrainState,
  type TrainStep,
} from './step.ts';
