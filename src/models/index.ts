/** Decoders as data: specs, the families that store them, their graphs, and their checkpoints. */
export type { KeysAndValues } from './attention.ts';
export * from './build.ts';
export type { NeededTensor } from './check.ts';
export * from './decoding.ts';
export { type ExternalWeights, externalWeights } from './external.ts';
export type { Family } from './families/family.ts';
export { families, familyOf } from './families/index.ts';
export { rmsCounterpart } from './families/recentred.ts';
export { writeGgufModel } from './gguf/index.ts';
export * from './layout.ts';
export { type Model, openModel, readParameters } from './load.ts';
export { normlabConfig, type StoredTensor, saveNormlabModel } from './save.ts';
export { decoderSpecSchema } from './schema.ts';
export * from './session.ts';
export * from './spec.ts';
export * from './verify/index.ts';
export { type BuildOptions, canonicalStorage, type Storage, type StoredAs } from './weights.ts';
