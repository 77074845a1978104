export { byteTokenizer } from './bytes.ts';
export { openTokenizer } from './open.ts';
export { createTextStream, type TextStream } from './stream.ts';
export type { Tokenizer } from './tokenizer.ts';
