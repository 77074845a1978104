import { activationNames } from './activation.ts';
import { dividedHeadSize } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

/** The norms have the same names before and after the branches. */
const partNames = {
  'blocks.#.attention.input_norm': 'model.decoder.layers.#.self_attn_layer_norm',
  'blocks.#.attention.output_norm': 'model.decoder.layers.#.self_attn_layer_norm',
  'blocks.#.mlp.input_norm': 'model.decoder.layers.#.final_layer_norm',
  'blocks.#.mlp.output_norm': 'model.decoder.layers.#.final_layer_norm',
  'embedding.token': 'model.decoder.embed_tokens',
  'embedding.position': 'model.decoder.embed_positions',
  'embedding.projection': 'model.decoder.project_in',
  'blocks.#.attention.query': 'model.decoder.layers.#.self_attn.q_proj',
  'blocks.#.attention.key': 'model.decoder.layers.#.self_attn.k_proj',
  'blocks.#.attention.value': 'model.decoder.layers.#.self_attn.v_proj',
  'blocks.#.attention.output': 'model.decoder.layers.#.self_attn.out_proj',
  'blocks.#.mlp.up': 'model.decoder.layers.#.fc1',
  'blocks.#.mlp.down': 'model.decoder.layers.#.fc2',
  final_norm: 'model.decoder.final_layer_norm',
  'head.projection': 'model.decoder.project_out',
  head: 'lm_head',
};

const options = {
  defaults: {
    vocab_size: 50_272,
    hidden_size: 768,
    num_hidden_layers: 12,
    ffn_dim: 3072,
    max_position_embeddings: 2048,
    num_attention_heads: 12,
  },
} satisfies ConfigOptions;

/** OPT: learned positions whose table begins with two rows that nothing uses, ReLU, and one size with norms after the sums and narrow embeddings. */
export const opt: Family = {
  id: 'opt',
  modelTypes: ['opt'],
  namePrefix: 'model.',
  isBuffer: (name) => name === 'decoder.version',
  sizeKeys: {
    vocabulary: 'vocab_size',
    positions: 'max_position_embeddings',
    hidden: 'hidden_size',
    inner: 'ffn_dim',
    heads: 'num_attention_heads',
  },
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    const hiddenSize = config.count('hidden_size');
    const embeddingSize = config.optionalCount('word_embed_proj_dim') ?? hiddenSize;
    dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
    const hasParameters = config.flag('layer_norm_elementwise_affine', true);
    const positions = { kind: 'learned', count: config.count('max_position_embeddings'), offset: 2 } as const;
    const decoder = gptLike(config, {
      family: 'opt',
      hiddenSize,
      numLayers: config.layers('num_hidden_layers'),
      numHeads: config.count('num_attention_heads'),
      maxPositions: positions.count,
      positions,
      norm: runNorm(config, { kind: hasParameters ? 'layernorm' : 'layernorm-nonparametric', epsilon: 1e-5 }),
      activation: config.choice('activation_function', activationNames, 'relu'),
      innerSize: config.count('ffn_dim'),
      tiedHead: true,
    });
    const bias = config.flag('enable_bias', true);
    const isPre = config.flag('do_layer_norm_before', true);
    const endsWithNorm = isPre && !config.flag('_remove_final_layer_norm', false);
    return {
      ...decoder,
      placement: isPre ? 'pre' : 'post',
      finalNorm: endsWithNorm ? decoder.finalNorm : null,
      attention: { ...decoder.attention, qkvBias: bias, outputBias: bias },
      mlp: { ...decoder.mlp, bias },
      ...(embeddingSize === hiddenSize ? {} : { embeddingSize }),
    };
  },
};
