/** Reading GGUF files, llama.cpp's, by range and writing them as a stream. */
export type { GgufHeaderMetadata, GgufScalar } from './header.ts';
export { type GgufFile, openGguf, replaceGgufText } from './read.ts';
export { type GgufMetadata, type GgufValue, writeGguf } from './write.ts';
