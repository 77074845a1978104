/** Turns text into token ids and back. */
export interface Tokenizer {
  readonly name: string;
  /** How many ids there are: 0 to `vocabularySize` − 1. */
  readonly vocabularySize: number;
  /** The ids of a text, with those that the tokenizer adds to every text, such as a token for its beginning. */
  encode(text: string): Iterable<number> & ArrayLike<number>;
  /** Ids that are no whole UTF-8 character become U+FFFD. Throws a RangeError for an id that isn't in the vocabulary. */
  decode(ids: ArrayLike<number>): string;
}
