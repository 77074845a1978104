/** A model with a key-value cache: what it was fed so far, one sequence. */
export interface DecodingSession {
  readonly vocabularySize: number;
  /** How many positions it can hold in all. */
  readonly context: number;
  /** How many positions were fed. */
  readonly length: number;
  /** Feeds ids after those already fed; returns the logits of the last one, [vocabularySize]. Throws InputError where they don't fit. */
  feed(ids: readonly number[]): Promise<Float32Array>;
  /** Forgets everything that was fed. */
  reset(): void;
  release(): Promise<void>;
}
