/** Measurements of time on this machine: the norms alone, and their share of a model. */
export { trainingFlopsPerToken } from './flops.ts';
export { type InterleaveOptions, interleave, secondsOf, type Timings, type Variant } from './interleave.ts';
export {
  type BenchNormsOptions,
  benchNorms,
  type Direction,
  directions,
  type NormBenchmark,
  type NormLowering,
  type NormOperation,
  type NormRotation,
} from './norms/index.ts';
export { type BenchOptions, type BenchProgress, runtimeLabel } from './options.ts';
export {
  type BenchSharesOptions,
  benchShares,
  type GptSize,
  gptSize,
  gptSizes,
  type MeasuredParts,
  type ShareBenchmark,
  type TimeShare,
} from './shares/index.ts';
