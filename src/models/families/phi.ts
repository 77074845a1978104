import { activationNames } from './activation.ts';
import { dividedHeadSize, readKeyValueHeads, readRotary } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runNorm, runQkNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'model.embed_tokens',
  'blocks.#.attention.input_norm': 'model.layers.#.input_layernorm',
  'blocks.#.attention.query': 'model.layers.#.self_attn.q_proj',
  'blocks.#.attention.key': 'model.layers.#.self_attn.k_proj',
  'blocks.#.attention.value': 'model.layers.#.self_attn.v_proj',
  'blocks.#.attention.query_norm': 'model.layers.#.self_attn.q_layernorm',
  'blocks.#.attention.key_norm': 'model.layers.#.self_attn.k_layernorm',
  'blocks.#.attention.output': 'model.layers.#.self_attn.dense',
  'blocks.#.mlp.up': 'model.layers.#.mlp.fc1',
  'blocks.#.mlp.down': 'model.layers.#.mlp.fc2',
  final_norm: 'model.final_layernorm',
  head: 'lm_head',
};

const options = {
  defaults: {
    vocab_size: 51_200,
    hidden_size: 2048,
    intermediate_size: 8192,
    num_hidden_layers: 24,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
  },
} satisfies ConfigOptions;

/**
 * Phi-1, 1.5 and 2: both branches side by side with one norm, a part of each head rotated, biases on the head too.
 *
 * Norms on queries and keys follow transformers 4.48 and newer; older versions can't run them.
 */
export const phi: Family = {
  id: 'phi',
  modelTypes: ['phi'],
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
    const isNormed = config.flag('qk_layernorm', false);
    const decoder = gptLike(config, {
      family: 'phi',
      hiddenSize: config.count('hidden_size'),
      numLayers: config.layers('num_hidden_layers'),
      numHeads: config.count('num_attention_heads'),
      maxPositions: config.count('max_position_embeddings'),
      positions: readRotary(config, headSize, 0.5),
      norm: runNorm(config, norm, { hasQkNorms: isNormed }),
      activation: config.choice('hidden_act', activationNames, 'gelu_new'),
      innerSize: config.count('intermediate_size'),
      tiedHead: false,
    });
    const attention = {
      ...decoder.attention,
      numKeyValueHeads: readKeyValueHeads(config),
      qkNorm: isNormed ? ({ norm: runQkNorm(config, norm), extent: 'head' } as const) : null,
    };
    return { ...decoder, parallel: 'shared_norm', attention, headBias: true };
  },
};
