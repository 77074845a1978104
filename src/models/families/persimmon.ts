import { activationNames } from './activation.ts';
import { dividedHeadSize, readRotary } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runNorm, runQkNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'model.embed_tokens',
  'blocks.#.attention.input_norm': 'model.layers.#.input_layernorm',
  'blocks.#.attention.qkv': 'model.layers.#.self_attn.query_key_value',
  'blocks.#.attention.query_norm': 'model.layers.#.self_attn.q_layernorm',
  'blocks.#.attention.key_norm': 'model.layers.#.self_attn.k_layernorm',
  'blocks.#.attention.output': 'model.layers.#.self_attn.dense',
  'blocks.#.mlp.input_norm': 'model.layers.#.post_attention_layernorm',
  'blocks.#.mlp.up': 'model.layers.#.mlp.dense_h_to_4h',
  'blocks.#.mlp.down': 'model.layers.#.mlp.dense_4h_to_h',
  final_norm: 'model.final_layernorm',
  head: 'lm_head',
};

const options = {
  defaults: {
    vocab_size: 262_144,
    hidden_size: 4096,
    intermediate_size: 16_384,
    num_hidden_layers: 36,
    num_attention_heads: 64,
    max_position_embeddings: 16_384,
  },
} satisfies ConfigOptions;

/** Persimmon: a part of each head rotated, LayerNorms on queries and keys too, squared ReLU. */
export const persimmon: Family = {
  id: 'persimmon',
  modelTypes: ['persimmon'],
  namePrefix: 'model.',
  isBuffer: (name) => /^layers\.\d+\.self_attn\.rotary_emb\.inv_freq$|^rotary_emb\.inv_freq$/.test(name),
  sizeKeys: {
    vocabulary: 'vocab_size',
    hidden: 'hidden_size',
    inner: 'intermediate_size',
    heads: 'num_attention_heads',
  },
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    const headSize = dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
    const norm = { kind: 'layernorm', epsilon: config.positive('layer_norm_eps', 1e-5) };
    const isNormed = config.flag('qk_layernorm', true);
    const decoder = gptLike(config, {
      family: 'persimmon',
      hiddenSize: config.count('hidden_size'),
      numLayers: config.layers('num_hidden_layers'),
      numHeads: config.count('num_attention_heads'),
      maxPositions: config.count('max_position_embeddings'),
      positions: readRotary(config, headSize, 0.5, 25_000),
      norm: runNorm(config, norm, { hasQkNorms: isNormed }),
      activation: config.choice('hidden_act', activationNames, 'relu2'),
      innerSize: config.count('intermediate_size'),
      tiedHead: false,
    });
    const qkNorm = isNormed ? ({ norm: runQkNorm(config, norm), extent: 'head' } as const) : null;
    return { ...decoder, attention: { ...decoder.attention, projection: 'fused_by_group', qkNorm } };
  },
};
