import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { phiLayout, phiLike } from './phi.ts';
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
  ...phiLayout,
  id: 'persimmon',
  modelTypes: ['persimmon'],
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    const isQkNormed = config.flag('qk_layernorm', true);
    const own = { family: 'persimmon', isQkNormed, defaultActivation: 'relu2', defaultBase: 25_000 };
    const decoder = phiLike(config, own);
    return { ...decoder, attention: { ...decoder.attention, projection: 'fused_by_group' } };
  },
};
