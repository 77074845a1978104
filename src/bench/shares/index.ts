export { type BenchSharesOptions, benchShares, type ShareBenchmark } from './measure.ts';
export type { MeasuredParts, TimeShare } from './results.ts';
export { type GptSize, gptSize, gptSizes } from './sizes.ts';
