/** Text from a model: decoding with a key-value cache, sampling, stop conditions. */
export * from './decoder.ts';
export { endIdsOf } from './endIds.ts';
export * from './generate.ts';
export { type Choice, createSampler, type Sampler, type SamplingOptions } from './sampler.ts';
