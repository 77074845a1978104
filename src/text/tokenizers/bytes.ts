import type { Tokenizer } from './tokenizer.ts';

/** One token per byte of UTF-8: it needs no training and reads any file. */
export const byteTokenizer = {
  name: 'bytes',
  vocabularySize: 256,
  encode: (text: string) => new TextEncoder().encode(text),
  decode(ids: ArrayLike<number>) {
    const bytes = Uint8Array.from(ids, (id) => {
      if (!(Number.isInteger(id) && id >= 0 && id < 256))
        throw new RangeError(`text: ${id} is no byte, expected 0 to 255`);
      return id;
    });
    // A byte order mark is a token like any other.
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  },
} satisfies Tokenizer;
