import { alibiSlopes, dividedHeadSize } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runRecentred } from './recentred.ts';
import { storageOf } from './storage.ts';

/** BLOOM's names, from which Falcon's come. */
export const bloomNames = {
  'embedding.token': 'transformer.word_embeddings',
  'embedding.norm': 'transformer.word_embeddings_layernorm',
  'blocks.#.attention.input_norm': 'transformer.h.#.input_layernorm',
  'blocks.#.attention.qkv': 'transformer.h.#.self_attention.query_key_value',
  'blocks.#.attention.output': 'transformer.h.#.self_attention.dense',
  'blocks.#.mlp.input_norm': 'transformer.h.#.post_attention_layernorm',
  'blocks.#.mlp.up': 'transformer.h.#.mlp.dense_h_to_4h',
  'blocks.#.mlp.down': 'transformer.h.#.mlp.dense_4h_to_h',
  final_norm: 'transformer.ln_f',
  head: 'lm_head',
};

const options = {
  defaults: { vocab_size: 250_880, hidden_size: 64, n_layer: 2, n_head: 8 },
  aliases: { hidden_size: 'n_embed', n_layer: 'num_hidden_layers', n_head: 'num_attention_heads' },
} satisfies ConfigOptions;

/** BLOOM: ALiBi, and a norm on the embeddings. */
export const bloom: Family = {
  id: 'bloom',
  modelTypes: ['bloom'],
  namePrefix: 'transformer.',
  isBuffer: () => false,
  sizeKeys: { vocabulary: 'vocab_size', hidden: 'hidden_size', inner: 'hidden_size', heads: 'n_head' },
  storage: (spec) => storageOf(spec, bloomNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    if (config.count('pretraining_tp', 1) > 1) {
      const why = 'with pretraining_tp above 1, transformers leaves biases and a part of the MLP out';
      config.unsupported('slow_but_exact', why, [false]);
    }
    const hiddenSize = config.count('hidden_size');
    const numHeads = config.count('n_head');
    dividedHeadSize(config, 'hidden_size', 'n_head');
    const { norm, input } = runRecentred(config, {
      kind: 'layernorm',
      epsilon: config.positive('layer_norm_epsilon', 1e-5),
    });
    const decoder = gptLike(config, {
      family: 'bloom',
      hiddenSize,
      numLayers: config.layers('n_layer'),
      numHeads,
      maxPositions: null,
      positions: { kind: 'alibi', slopes: alibiSlopes(numHeads) },
      norm,
      activation: 'gelu_bloom',
      innerSize: 4 * hiddenSize,
      tiedHead: true,
    });
    return {
      ...decoder,
      embeddingNorm: { ...norm, kind: 'layernorm' },
      ...input,
      attention: { ...decoder.attention, projection: 'fused_by_group' },
      ...(config.flag('apply_residual_connection_post_layernorm', false) ? { residualFromNorm: true } : {}),
    };
  },
};
