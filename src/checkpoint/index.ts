/** Checkpoints: safetensors and GGUF files, and the Hugging Face folders that hold them. */
export * from './data/index.ts';
export { type Checkpoint, type CheckpointTensor, exportError, ggufError, openCheckpoint } from './folder.ts';
export * from './gguf/index.ts';
export * from './safetensors/index.ts';
export { indexFileName, type PlannedShard, planShards } from './shards.ts';
