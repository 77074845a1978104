import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openModel, writeRandomModel } from '../../../models/index.ts';
import { temporaryPaths } from '../../golden.fixture.ts';
import { type GgufVocabulary, ggufVocabulary } from './vocabulary.ts';

const temporary = temporaryPaths();
const fixtures = fileURLToPath(new URL('../../../../test/fixtures/tokenizers', import.meta.url));

/** The vocabulary of a model of so many ids with some files of a recorded tokenizer, one of them changed. */
async function vocabularyOf(
  name: string,
  { ids = 512, change }: { readonly ids?: number; readonly change?: (tokenizer: Record<string, unknown>) => void },
): Promise<GgufVocabulary> {
  const folder = await temporary(`${name}-${Math.random()}`);
  const config = {
    model_type: 'gpt2',
    vocab_size: ids,
    n_embd: 8,
    n_head: 2,
    n_layer: 1,
    n_positions: 8,
    eos_token_id: 0,
  };
  await writeRandomModel({ out: folder, config });
  await copyFile(join(fixtures, name, 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'));
  const tokenizer = JSON.parse(await readFile(join(fixtures, name, 'tokenizer.json'), 'utf8'));
  change?.(tokenizer);
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  const model = await openModel(folder);
  try {
    return await ggufVocabulary(model);
  } finally {
    await model.checkpoint.close();
  }
}

function list({ metadata }: GgufVocabulary, key: string): readonly unknown[] {
  const value = metadata[`tokenizer.ggml.${key}`]?.value;
  if (value === undefined || typeof value !== 'object') throw new Error(`no list ${key}`);
  return Array.from<unknown>(value);
}

// That llama.cpp makes the recorded ids of the recorded texts with it is checked by running it: bench/gguf.ts.
describe('what llama.cpp is told of a tokenizer', () => {
  test('byte-level', async () => {
    const vocabulary = await vocabularyOf('byte-level', {});
    expect(vocabulary.note).toBeUndefined();
    expect(vocabulary.metadata).toMatchObject({
      'tokenizer.ggml.model': { value: 'gpt2' },
      'tokenizer.ggml.pre': { value: 'gpt-2' },
      'tokenizer.ggml.eos_token_id': { value: 0 },
      'tokenizer.ggml.add_bos_token': { value: false },
    });
    const tokens = list(vocabulary, 'tokens');
    expect(tokens).toHaveLength(512);
    expect(tokens.slice(0, 2)).toEqual(['<|endoftext|>', '!']);
    expect(tokens[511]).toBe('[PAD511]');
    const types = list(vocabulary, 'token_type');
    expect([types[0], types[1], types[511]]).toEqual([3, 1, 5]);
    expect(list(vocabulary, 'merges')[0]).toBe('Ġ t');
  });

  test('SentencePiece: scores that fall from merge to merge, and bytes', async () => {
    const vocabulary = await vocabularyOf('sentencepiece', {});
    expect(vocabulary.metadata).toMatchObject({
      'tokenizer.ggml.model': { value: 'llama' },
      'tokenizer.ggml.add_bos_token': { value: true },
      'tokenizer.ggml.bos_token_id': { value: 1 },
      'tokenizer.ggml.add_space_prefix': { value: true },
    });
    const tokens = list(vocabulary, 'tokens');
    const types = list(vocabulary, 'token_type');
    expect(types.slice(0, 3)).toEqual([2, 3, 3]);
    expect(types[tokens.indexOf('<0x0A>')]).toBe(6);
    const scores = list(vocabulary, 'scores');
    expect(scores[tokens.indexOf('e▁')]).toBe(-0);
    expect(scores[tokens.indexOf('▁t')]).toBe(-1);
    expect(vocabulary.metadata).not.toHaveProperty(['tokenizer.ggml.merges']);
  });

  test.each([
    [
      'starcoder',
      {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Digits', individual_digits: true },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
        ],
      },
    ],
    [
      'qwen2',
      {
        type: 'Sequence',
        pretokenizers: [
          {
            type: 'Split',
            pattern: {
              Regex:
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
            },
            behavior: 'Isolated',
            invert: false,
          },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
        ],
      },
    ],
  ])('%s splits otherwise', async (pre, preTokenizer) => {
    const { metadata } = await vocabularyOf('byte-level', {
      change: (tokenizer) => {
        tokenizer.pre_tokenizer = preTokenizer;
      },
    });
    expect(metadata['tokenizer.ggml.pre']?.value).toBe(pre);
  });
});

describe('ids alone, with a note, for', () => {
  test.each<[string, string, { ids?: number; change?: (tokenizer: Record<string, unknown>) => void }]>([
    [
      'a normalizer',
      'no name for',
      {
        change: (tokenizer) => {
          tokenizer.normalizer = { type: 'Lowercase' };
        },
      },
    ],
    [
      'another pre-tokenizer',
      'no name for',
      {
        change: (tokenizer) => {
          tokenizer.pre_tokenizer = { type: 'Whitespace' };
        },
      },
    ],
    [
      'a space before every text',
      'no name for',
      {
        change: (tokenizer) => {
          tokenizer.pre_tokenizer = { type: 'ByteLevel', add_prefix_space: true };
        },
      },
    ],
    [
      'another model',
      'no byte-level or SentencePiece BPE',
      {
        change: (tokenizer) => {
          tokenizer.model = { type: 'Unigram', vocab: [['a', -1]] };
        },
      },
    ],
    ['more tokens than ids', 'more tokens than the model ids', { ids: 300 }],
  ])('%s', async (_, reason, options) => {
    const vocabulary = await vocabularyOf('byte-level', options);
    expect(vocabulary.note).toContain(reason);
    expect(list(vocabulary, 'tokens')[7]).toBe('[7]');
  });
});
