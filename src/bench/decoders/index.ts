export type { DecoderVariant, Workload } from './graph.ts';
export { type BenchDecodersOptions, benchDecoders, type DecoderBenchmark, type DecoderTimes } from './measure.ts';
