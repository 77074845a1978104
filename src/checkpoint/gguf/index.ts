/** Writing GGUF files, which llama.cpp reads. */
export { type GgufMetadata, type GgufValue, writeGguf } from './write.ts';
