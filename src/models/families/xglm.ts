import type { PositionSpec } from '../spec.ts';
import { activationNames } from './activation.ts';
import { dividedHeadSize } from './attention.ts';
import { type ConfigOptions, type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runRecentred } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'model.embed_tokens',
  'blocks.#.attention.input_norm': 'model.layers.#.self_attn_layer_norm',
  'blocks.#.attention.query': 'model.layers.#.self_attn.q_proj',
  'blocks.#.attention.key': 'model.layers.#.self_attn.k_proj',
  'blocks.#.attention.value': 'model.layers.#.self_attn.v_proj',
  'blocks.#.attention.output': 'model.layers.#.self_attn.out_proj',
  'blocks.#.mlp.input_norm': 'model.layers.#.final_layer_norm',
  'blocks.#.mlp.up': 'model.layers.#.fc1',
  'blocks.#.mlp.down': 'model.layers.#.fc2',
  final_norm: 'model.layer_norm',
  head: 'lm_head',
};

const options = {
  defaults: {
    vocab_size: 256_008,
    max_position_embeddings: 2048,
    d_model: 1024,
    ffn_dim: 4096,
    num_layers: 24,
    attention_heads: 16,
  },
  aliases: { d_model: 'hidden_size', attention_heads: 'num_attention_heads', num_layers: 'num_hidden_layers' },
} satisfies ConfigOptions;

/** XGLM: computed sinusoidal positions under scaled embeddings. */
export const xglm: Family = {
  id: 'xglm',
  modelTypes: ['xglm'],
  namePrefix: 'model.',
  isBuffer: (name) => /^embed_positions\.(weights|_float_tensor)$/.test(name),
  sizeKeys: {
    vocabulary: 'vocab_size',
    hidden: 'd_model',
    inner: 'ffn_dim',
    heads: 'attention_heads',
  },
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    config.unsupported('add_cross_attention', 'cross-attention is not supported', [false]);
    const hiddenSize = config.count('d_model');
    if (hiddenSize < 4) {
      throw config.wrong(`${config.nameOf('d_model')} is ${hiddenSize}, expected at least 4 for sinusoidal positions`);
    }
    dividedHeadSize(config, 'd_model', 'attention_heads');
    const count = config.count('max_position_embeddings');
    const { norm, input } = runRecentred(config, { kind: 'layernorm', epsilon: 1e-5 });
    const decoder = gptLike(config, {
      family: 'xglm',
      hiddenSize,
      numLayers: config.layers('num_layers'),
      numHeads: config.count('attention_heads'),
      maxPositions: count,
      positions: readPositions(config, count),
      norm,
      activation: config.choice('activation_function', activationNames, 'gelu'),
      innerSize: config.count('ffn_dim'),
      tiedHead: true,
    });
    const scaled = config.flag('scale_embedding', true) ? { embeddingScale: Math.sqrt(hiddenSize) } : {};
    return { ...decoder, ...scaled, ...input };
  },
};

/** The table begins with two rows that nothing uses, and the row of the padding's id is 0, whichever position that is. */
function readPositions(config: ConfigReader, count: number): PositionSpec {
  const offset = 2;
  const padding = config.is('pad_token_id', [null]) ? 0 : config.zeroOrCount('pad_token_id', 1);
  if (padding >= count + offset) {
    throw config.wrong(`pad_token_id is ${padding}, but there are ${count + offset} rows of positions`);
  }
  return { kind: 'sinusoidal', offset, ...(padding < offset ? {} : { blank: padding - offset }) };
}
