import { createHash } from 'node:crypto';
import { byteTokenizer } from './tokenizers/index.ts';

/** A text to train on, and a part of it that training never sees, as bytes (256 symbols). */
export interface Corpus {
  readonly name: string;
  /** One sentence: what it is and what is held out. */
  readonly description: string;
  readonly train: Uint8Array;
  readonly validation: Uint8Array;
  /** SHA-256, in hex, of both parts: each as its length in decimal, a newline and its bytes. */
  readonly sha256: string;
}

/** What stands between two documents of a corpus. */
export const documentSeparator = '\n\n';

/** The corpus of documents that are split already. */
export function createCorpus(parts: {
  readonly name: string;
  readonly description: string;
  readonly train: readonly Uint8Array[];
  readonly validation: readonly Uint8Array[];
}): Corpus {
  const train = join(parts.train);
  const validation = join(parts.validation);
  const hash = createHash('sha256');
  for (const bytes of [train, validation]) hash.update(`${bytes.length}\n`).update(bytes);
  return { name: parts.name, description: parts.description, train, validation, sha256: hash.digest('hex') };
}

function join(documents: readonly Uint8Array[]): Uint8Array {
  const separator = byteTokenizer.encode(documentSeparator);
  const joined = Buffer.concat(documents.flatMap((bytes, i) => (i === 0 ? [bytes] : [separator, bytes])));
  return new Uint8Array(joined.buffer, joined.byteOffset, joined.length);
}
