import { InputError } from '../core/errors.ts';

/** What a model must beat to know more than byte counts: the losses, in nats per byte, of two count tables. */
export interface ByteEntropies {
  /** H(X) = −Σ p(x) ln p(x): the loss of guessing by frequency. */
  readonly unigram: number;
  /** H(Y|X) = −Σ p(x,y) ln p(y|x): the loss of guessing from the byte before. */
  readonly bigram: number;
}

/**
 * The empirical entropy of a byte, alone and given the byte before it, in nats.
 *
 * Both are those of the text itself, so a held-out text's loss is a little higher. Throws an InputError for fewer than
 * two bytes.
 */
export function byteEntropies(bytes: Uint8Array): ByteEntropies {
  if (bytes.length < 2) throw new InputError(`text: an entropy needs at least 2 bytes, got ${bytes.length}`);
  const single = new Float64Array(256);
  const before = new Float64Array(256);
  const pairs = new Float64Array(256 * 256);
  for (let i = 0; i < bytes.length; i++) tally(single, bytes[i] ?? 0);
  for (let i = 1; i < bytes.length; i++) {
    const previous = bytes[i - 1] ?? 0;
    tally(before, previous);
    tally(pairs, previous * 256 + (bytes[i] ?? 0));
  }
  return { unigram: entropyOf(single), bigram: entropyOf(pairs) - entropyOf(before) };
}

function tally(counts: Float64Array, index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

/** The entropy of a table of counts, in nats. */
function entropyOf(counts: Float64Array): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const weighted = counts.reduce((sum, count) => sum + (count > 0 ? count * Math.log(count) : 0), 0);
  return Math.log(total) - weighted / total;
}
