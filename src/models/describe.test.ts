import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { golden } from './checkpoint.fixture.ts';
import { familyOf } from './families/index.ts';
import { describeDecoder, findPreset, normGroups, presetSpec, presets } from './index.ts';
import { countParameters, decoderParts } from './layout.ts';
import type { DecoderSpec } from './spec.ts';

const specOf = (id: string) => presetSpec(findPreset(id));
const words = (spec: DecoderSpec) => Object.fromEntries(describeDecoder(spec).map(({ label, text }) => [label, text]));

describe('in words', () => {
  test('GPT-2', () => {
    expect(words(specOf('gpt2-small'))).toEqual({
      Shape: '12 layers, 768 wide, vocabulary of 50,257, up to 1,024 positions',
      Embedding: 'token and position, added',
      Positions: 'learned, 1,024',
      Blocks: 'pre: x + attention(N(x)), then x + MLP(N(x)), with N = LayerNorm; LayerNorm after the last',
      Attention: '12 heads of 64; biases; one linear for queries, keys and values',
      MLP: 'GELU by tanh, 768 → 3,072 → 768; biases',
      Head: 'the token embedding (tied)',
    });
  });

  test.each([
    ['llama-3.1-70b', 'Attention', /64 heads of 128, 8 of keys and values \(grouped-query\); no biases/],
    ['llama-3.1-70b', 'Positions', /^rotary, base 500,000, stretched 8 times \(llama3\)$/],
    ['falcon-7b', 'Attention', /71 heads of 64, 1 of keys and values \(multi-query\)/],
    ['falcon-7b', 'Blocks', /with one norm: x \+ attention\(N\(x\)\) \+ MLP\(N\(x\)\)/],
    ['pythia-70m', 'Blocks', /x \+ attention\(N₁\(x\)\) \+ MLP\(N₂\(x\)\)/],
    ['pythia-70m', 'Positions', /16 of each head’s 64 coordinates/],
    ['qwen2.5-7b', 'Attention', /biases on queries, keys and values alone/],
    ['gpt3-175b', 'Attention', /only the latest 256 keys in 48 of 96 layers/],
    ['gemma-2-27b', 'Attention', /scores times 0\.083333 instead of 1\/√128; scores capped at ±50/],
    ['gemma-2-27b', 'Blocks', /^peri: x \+ N\(attention\(N\(x\)\)\)/],
    ['gemma-2-27b', 'Head', /logits capped at ±30/],
    ['olmo-2-7b', 'Blocks', /^output: x \+ N\(attention\(x\)\)/],
    ['olmoe-1b-7b', 'MLP', /^SwiGLU, 2,048 → 1,024 → 2,048; no biases; 64 such experts, 8 for each token$/],
    ['deepseek-v3', 'MLP', /256 such experts, 8 for each token, and one of 2,048 for every token; 3 of 61 layers/],
    ['deepseek-v3', 'Also', /^queries, keys and values from latent vectors$/],
    ['gemma-3-4b', 'Also', /^other rotations in the layers with a window$/],
    ['qwen-7b', 'Also', /^scores that grow with the logarithm/],
    ['bloom-560m', 'Embedding', /^token, then LayerNorm$/],
    ['opt-125m', 'Positions', /^learned, 2,048, from row 2 on$/],
    ['opt-125m', 'MLP', /^ReLU/],
  ])('%s: %s', (id, label, text) => {
    expect(words(specOf(id))[label]).toMatch(text);
  });

  test.each([
    ['xglm', 'Positions', /^sinusoidal, computed, none at position 3$/],
    ['bloom_post_residual', 'Blocks', /^pre, added to what the norm gave: y \+ attention\(y\)/],
    ['opt_postln', 'Also', /^embeddings of another width, projected/],
    ['cohere_qk', 'Attention', /LayerNorm.* on queries and keys/],
  ])('%s: %s', (name, label, text) => {
    const config = JSON.parse(readFileSync(join(golden(name), 'config.json'), 'utf8'));
    expect(words(familyOf(config).parse(config))[label]).toMatch(text);
  });

  test('embeddings that lose their mean say so', () => {
    const spec: DecoderSpec = { ...specOf('bloom-560m'), recentreInput: true };
    expect(words(spec).Embedding).toBe('token, then LayerNorm, then minus its mean');
    expect(words(spec).Also).toBeUndefined();
  });

  test('what has no words of its own is named by its key', () => {
    const spec = { ...specOf('gpt2-small'), attention: { ...specOf('gpt2-small').attention, novelty: 3 } };
    expect(words(spec).Also).toBe('attention.novelty');
  });

  test('every preset has all lines, and none that nobody understands', () => {
    for (const preset of presets) {
      const lines = describeDecoder(presetSpec(preset));
      expect(lines.length).toBeGreaterThanOrEqual(7);
      for (const { text } of lines) expect(text).not.toMatch(/undefined|null|NaN|\[object/);
    }
  });
});

describe('norms', () => {
  test.each(presets.map((preset) => [preset.id, presetSpec(preset)] as const))('%s: all of them', (_, spec) => {
    const groups = normGroups(spec);
    const parts = decoderParts(spec).filter(({ type }) => type === 'norm');
    expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(parts.length);
    const withNone = { ...spec, norm: { kind: 'none', epsilon: 0 }, finalNorm: null, embeddingNorm: undefined };
    const bare = { ...withNone, attention: { ...spec.attention, qkNorm: null } };
    const inNorms = countParameters(spec) - countParameters(bare);
    if (!('latent' in spec.attention)) {
      expect(groups.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(inNorms);
    }
  });

  test('Gemma 2 has four in each block and one at the end', () => {
    expect(normGroups(specOf('gemma-2-2b')).map(({ where, count }) => `${count} ${where}`)).toEqual([
      '26 before attention',
      '26 on attention output',
      '26 before the MLP',
      '26 on the MLP output',
      '1 after the last block',
    ]);
  });

  test('queries and keys are told apart from the stream, and heads from all of them', () => {
    const widths = (id: string) => normGroups(specOf(id)).map(({ where, width }) => `${where}: ${width}`);
    expect(widths('qwen3-32b')).toContain('on each head’s queries: 128');
    expect(widths('olmo-2-32b')).toEqual(
      expect.arrayContaining(['on all heads’ queries: 5120', 'on all heads’ keys: 1024']),
    );
  });

  test('a post-norm sits after the sum', () => {
    const config = { ...findPreset('opt-125m').config, do_layer_norm_before: false };
    const spec = familyOf(config).parse(config);
    expect(normGroups(spec).map(({ where }) => where)).toEqual(['after attention is added', 'after the MLP is added']);
  });
});
