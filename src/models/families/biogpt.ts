import { activationNames } from './activation.ts';
import { dividedHeadSize } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'biogpt.embed_tokens',
  'embedding.position': 'biogpt.embed_positions',
  'blocks.#.attention.input_norm': 'biogpt.layers.#.self_attn_layer_norm',
  'blocks.#.attention.query': 'biogpt.layers.#.self_attn.q_proj',
  'blocks.#.attention.key': 'biogpt.layers.#.self_attn.k_proj',
  'blocks.#.attention.value': 'biogpt.layers.#.self_attn.v_proj',
  'blocks.#.attention.output': 'biogpt.layers.#.self_attn.out_proj',
  'blocks.#.mlp.input_norm': 'biogpt.layers.#.final_layer_norm',
  'blocks.#.mlp.up': 'biogpt.layers.#.fc1',
  'blocks.#.mlp.down': 'biogpt.layers.#.fc2',
  final_norm: 'biogpt.layer_norm',
  head: 'output_projection',
};

const options = {
  defaults: {
    vocab_size: 42_384,
    hidden_size: 1024,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    intermediate_size: 4096,
    max_position_embeddings: 1024,
  },
} satisfies ConfigOptions;

/**
 * BioGPT: OPT's positions under scaled embeddings. The reference code ignores layer_norm_eps, and records its last hidden
 * state before the final norm.
 */
export const biogpt: Family = {
  id: 'biogpt',
  modelTypes: ['biogpt'],
  namePrefix: 'biogpt.',
  isBuffer: () => false,
  sizeKeys: {
    vocabulary: 'vocab_size',
    positions: 'max_position_embeddings',
    hidden: 'hidden_size',
    inner: 'intermediate_size',
    heads: 'num_attention_heads',
  },
  hiddenStatesEndBeforeFinalNorm: true,
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    const hiddenSize = config.count('hidden_size');
    dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
    const positions = { kind: 'learned', count: config.count('max_position_embeddings'), offset: 2 } as const;
    const decoder = gptLike(config, {
      family: 'biogpt',
      hiddenSize,
      numLayers: config.layers('num_hidden_layers'),
      numHeads: config.count('num_attention_heads'),
      maxPositions: positions.count,
      positions,
      norm: runNorm(config, { kind: 'layernorm', epsilon: 1e-5 }),
      activation: config.choice('hidden_act', activationNames, 'gelu'),
      innerSize: config.count('intermediate_size'),
      tiedHead: true,
    });
    return config.flag('scale_embedding', true) ? { ...decoder, embeddingScale: Math.sqrt(hiddenSize) } : decoder;
  },
};
