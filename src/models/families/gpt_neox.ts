import { activationNames } from './activation.ts';
import { dividedHeadSize, readRotary } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'gpt_neox.embed_in',
  'blocks.#.attention.input_norm': 'gpt_neox.layers.#.input_layernorm',
  'blocks.#.attention.qkv': 'gpt_neox.layers.#.attention.query_key_value',
  'blocks.#.attention.output': 'gpt_neox.layers.#.attention.dense',
  'blocks.#.mlp.input_norm': 'gpt_neox.layers.#.post_attention_layernorm',
  'blocks.#.mlp.up': 'gpt_neox.layers.#.mlp.dense_h_to_4h',
  'blocks.#.mlp.down': 'gpt_neox.layers.#.mlp.dense_4h_to_h',
  final_norm: 'gpt_neox.final_layer_norm',
  head: 'embed_out',
};

const options = {
  defaults: {
    vocab_size: 50_432,
    hidden_size: 6144,
    num_hidden_layers: 44,
    num_attention_heads: 64,
    intermediate_size: 24_576,
    max_position_embeddings: 2048,
  },
  aliases: { rope_theta: 'rotary_emb_base', partial_rotary_factor: 'rotary_pct' },
} satisfies ConfigOptions;

/** GPT-NeoX and Pythia: partly rotated heads, both branches side by side, each with its norm. */
export const gptNeox: Family = {
  id: 'gpt_neox',
  modelTypes: ['gpt_neox'],
  namePrefix: 'gpt_neox.',
  isBuffer: (name) => /^layers\.\d+\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/.test(name),
  sizeKeys: {
    vocabulary: 'vocab_size',
    hidden: 'hidden_size',
    inner: 'intermediate_size',
    heads: 'num_attention_heads',
  },
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    // rope_theta and partial_rotary_factor repeat its own keys, which count.
    const config = readConfig({ ...raw, rope_theta: undefined, partial_rotary_factor: undefined }, where, options);
    const headSize = dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
    const bias = config.flag('attention_bias', true);
    const decoder = gptLike(config, {
      family: 'gpt_neox',
      hiddenSize: config.count('hidden_size'),
      numLayers: config.layers('num_hidden_layers'),
      numHeads: config.count('num_attention_heads'),
      maxPositions: config.count('max_position_embeddings'),
      positions: readRotary(config, headSize, 0.25),
      norm: runNorm(config, { kind: 'layernorm', epsilon: config.positive('layer_norm_eps', 1e-5) }),
      activation: config.choice('hidden_act', activationNames, 'gelu'),
      innerSize: config.count('intermediate_size'),
      tiedHead: false,
    });
    return {
      ...decoder,
      attention: { ...decoder.attention, projection: 'fused_by_group', qkvBias: bias, outputBias: bias },
      ...(config.flag('use_parallel_residual', true) ? { parallel: 'two_norms' } : {}),
    };
  },
};
