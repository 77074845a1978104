import type { DecoderSpec } from '../spec.ts';
import { activationNames } from './activation.ts';
import { dividedHeadSize, evenSize, readRotatedCount } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gpt2Options } from './gpt2.ts';
import { gptLike } from './layernorm.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'transformer.wte',
  'blocks.#.attention.input_norm': 'transformer.h.#.ln_1',
  'blocks.#.attention.query': 'transformer.h.#.attn.q_proj',
  'blocks.#.attention.key': 'transformer.h.#.attn.k_proj',
  'blocks.#.attention.value': 'transformer.h.#.attn.v_proj',
  'blocks.#.attention.qkv': 'transformer.h.#.attn.qkv_proj',
  'blocks.#.attention.output': 'transformer.h.#.attn.out_proj',
  'blocks.#.mlp.up': 'transformer.h.#.mlp.fc_in',
  'blocks.#.mlp.down': 'transformer.h.#.mlp.fc_out',
  final_norm: 'transformer.ln_f',
  head: 'lm_head',
};

const options = {
  defaults: { vocab_size: 50_400, n_positions: 2048, n_embd: 4096, n_layer: 28, n_head: 16 },
  aliases: gpt2Options.aliases,
} satisfies ConfigOptions;

/** GPT-J: both branches side by side with one norm, neighbouring coordinates of a part of each head rotated. */
export const gptj: Family = {
  id: 'gptj',
  modelTypes: ['gptj'],
  namePrefix: 'transformer.',
  isBuffer: (name) => /^h\.\d+\.attn\.(bias|masked_bias|embed_positions)$/.test(name),
  sizeKeys: { vocabulary: 'vocab_size', hidden: 'n_embd', inner: 'n_inner', heads: 'n_head' },
  storage: (spec) => storageOf(spec, partNames),
  parse: (raw, where = 'config.json') => parse(raw, where, 'gptj'),
};

/** CodeGen: GPT-J with one linear for queries, keys and values, ordered for four devices. */
export const codegen: Family = {
  ...gptj,
  id: 'codegen',
  modelTypes: ['codegen'],
  isBuffer: (name) => /^h\.\d+\.attn\.(causal_mask|bias|masked_bias|embed_positions)$/.test(name),
  parse(raw, where = 'config.json') {
    const decoder = parse(raw, where, 'codegen');
    const { numHeads } = decoder.attention;
    if (numHeads % 4 !== 0) {
      const config = readConfig(raw, where, options);
      throw config.wrong(`${config.nameOf('n_head')} is ${numHeads}, expected a multiple of 4`);
    }
    return { ...decoder, attention: { ...decoder.attention, projection: 'fused_in_quarters' } };
  },
};

function parse(raw: Readonly<Record<string, unknown>>, where: string, family: string): DecoderSpec {
  const config = readConfig(raw, where, options);
  const hiddenSize = config.count('n_embd');
  const headSize = dividedHeadSize(config, 'n_embd', 'n_head');
  // Null means the whole stream, which is a head only where there is just one.
  const isWhole = family === 'gptj' && config.is('rotary_dim', [null]) && headSize === hiddenSize;
  const size = isWhole ? evenSize(config, headSize, 1) : readRotatedCount(config, 'rotary_dim', 64, headSize);
  const decoder = gptLike(config, {
    family,
    hiddenSize,
    numLayers: config.layers('n_layer'),
    numHeads: config.count('n_head'),
    maxPositions: config.count('n_positions'),
    positions: { kind: 'rotary', base: 10_000, interleaved: true, ...(size === headSize ? {} : { size }) },
    norm: runNorm(config, { kind: 'layernorm', epsilon: config.positive('layer_norm_epsilon', 1e-5) }),
    activation: config.choice('activation_function', activationNames, 'gelu_new'),
    innerSize: config.optionalCount('n_inner') ?? 4 * hiddenSize,
    tiedHead: false,
  });
  const attention = { ...decoder.attention, qkvBias: false, outputBias: false };
  return { ...decoder, parallel: 'shared_norm', attention, headBias: true };
}
