import { InputError } from '../../core/errors.ts';
import type { DecoderSpec } from '../../models/index.ts';
import { openTokenizer, readTextStart } from '../../text/index.ts';

/** Tokens of a text, and those of one row of them. */
const defaults = { tokens: 256, sequence: 128 };

/** More bytes than nearly any token has. */
const bytesPerToken = 64;

/**
 * The first ids of a text `[batch, sequence]` by the tokenizer of a model's folder, in rows of equal length.
 *
 * Throws InputError where the folder has no tokenizer, the file is no UTF-8 text, or the text has fewer than 2 tokens.
 */
export async function textIds(
  folder: string,
  { vocabularySize, maxPositions }: Pick<DecoderSpec, 'vocabularySize' | 'maxPositions'>,
  path: string,
  tokens = defaults.tokens,
): Promise<{ readonly tokenizer: string; readonly inputIds: readonly (readonly number[])[] }> {
  const tokenizer = await openTokenizer(folder, vocabularySize);
  if (tokenizer === undefined) {
    throw new InputError(
      `${folder}: has no tokenizer.json, nor vocab.json with merges.txt, to read ${path} with; without a text, random ids are compared`,
    );
  }
  if (maxPositions !== null && maxPositions < 2) {
    throw new InputError(`${folder}: has ${maxPositions} position, and a text to compare on needs 2`);
  }
  const ids = Array.from(tokenizer.encode(await readTextStart(path, bytesPerToken * tokens))).slice(0, tokens);
  if (ids.length < 2) throw new InputError(`${path}: has ${ids.length} tokens for ${folder}, expected at least 2`);
  const sequence = Math.min(defaults.sequence, maxPositions ?? defaults.sequence, ids.length);
  const rows = Array.from({ length: Math.floor(ids.length / sequence) }, (_, row) =>
    ids.slice(row * sequence, (row + 1) * sequence),
  );
  return { tokenizer: tokenizer.name, inputIds: rows };
}
