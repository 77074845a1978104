/** Turns text into token ids and back. */
export interface Tokenizer {
  readonly name: string;
  /** How many ids there are: 0 to `vocabularySize` − 1. */
  readonly vocabularySize: number;
  encode(text: string): Uint8Array;
  /** Ids that are no whole UTF-8 character become U+FFFD. Throws a RangeError for an id that isn't in the vocabulary. */
  decode(ids: ArrayLike<number>): string;
}

/** One token per byte of UTF-8: it needs no training and reads any file. */
export const byteTokenizer: Tokenizer = {
  name: 'bytes',
  vocabularySize: 256,
  encode: (text) => new TextEncoder().encode(text),
  decode(ids) {
    const bytes = Uint8Array.from(ids, (id) => {
      if (!(Number.isInteger(id) && id >= 0 && id < 256))
        throw new RangeError(`text: ${id} is no byte, expected 0 to 255`);
      return id;
    });
    // A byte order mark is a token like any other.
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  },
};
