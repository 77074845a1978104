/** Measurements of time on this machine: the norms alone, their share of GPT-3's sizes, and any decoder with other norms. */
export {
  type BenchDecodersOptions,
  benchDecoders,
  type DecoderBenchmark,
  type DecoderTimes,
  type DecoderVariant,
  type Workload,
} from './decoders/index.ts';
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
