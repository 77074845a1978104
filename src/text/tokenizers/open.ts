import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { explainFileError } from '../../core/fileErrors.ts';
import { readJson, sizeOfFile } from '../../core/files.ts';
import { quote } from '../../core/quote.ts';
import { byteTokenizer } from './bytes.ts';
import { huggingFaceTokenizer } from './huggingFace.ts';
import type { Tokenizer } from './tokenizer.ts';

/**
 * The tokenizer of a model's folder: `tokenizer.json`, or GPT-2's older pair `vocab.json` and `merges.txt`, with
 * `tokenizer_config.json` where it is there.
 *
 * Without any of them it is bytes for a model of 256 ids, and undefined for any other: such a model takes ids only.
 * Throws InputError, one line, for files that are malformed or belong to a model with more ids.
 */
export async function openTokenizer(folder: string, vocabularySize: number): Promise<Tokenizer | undefined> {
  const path = join(folder, 'tokenizer.json');
  const vocabularyPath = join(folder, 'vocab.json');
  const mergesPath = join(folder, 'merges.txt');
  const configPath = join(folder, 'tokenizer_config.json');
  const config = async () => (existsSync(configPath) ? await readJson(configPath) : {});
  if (existsSync(path)) {
    const files = { path, tokenizer: await readJson(path), config: await config(), configPath };
    return huggingFaceTokenizer(files, vocabularySize);
  }
  if (existsSync(vocabularyPath) && existsSync(mergesPath)) {
    const tokenizer = byteLevelPairs(
      await readJson(vocabularyPath),
      readMerges(await readText(mergesPath), mergesPath),
    );
    return huggingFaceTokenizer(
      { path: vocabularyPath, tokenizer, config: await config(), configPath },
      vocabularySize,
    );
  }
  return vocabularySize === byteTokenizer.vocabularySize ? byteTokenizer : undefined;
}

/** What GPT-2's files mean, as a `tokenizer.json` would say it. */
function byteLevelPairs(vocabulary: unknown, merges: readonly string[]): unknown {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const end = '<|endoftext|>';
  const id = typeof vocabulary === 'object' && vocabulary !== null && new Map(Object.entries(vocabulary)).get(end);
  return {
    model: {
      type: 'BPE',
      vocab: vocabulary,
      merges,
    },
    added_tokens: typeof id === 'number' ? [{ id, content: end, special: true }] : [],
    pre_tokenizer: byteLevel,
    decoder: byteLevel,
  };
}

/** The lines of a `merges.txt`: the two symbols that become one, with a space between. */
function readMerges(text: string, path: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  const isMerge = (line: string) => line !== '' && !line.startsWith('#version');
  const wrong = lines.findIndex((line) => isMerge(line) && !/^[^ ]+ [^ ]+$/.test(line));
  if (wrong >= 0) {
    throw new InputError(
      `${path}: line ${wrong + 1}: expected two symbols with a space between, got ${quote(lines[wrong] ?? '')}; copy the file from the model again`,
    );
  }
  return lines.filter(isMerge);
}

async function readText(path: string): Promise<string> {
  await sizeOfFile(path);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw explainFileError(error, path);
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InputError(`${path}: is not UTF-8`, { cause: error });
  }
}
