import { alibiSlopes, dividedHeadSize } from './attention.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runNorm } from './recentred.ts';
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

/** BLOOM: ALiBi, and a norm on the embeddings. */
export const bloom: Family = {
  id: 'bloom',
  modelTypes: ['bloom'],
  namePrefix: 'transformer.',
  isBuffer: () => false,
  sizeKeys: { vocabulary: 'vocab_size', hidden: 'hidden_size', inner: 'hidden_size', heads: 'n_head' },
  storage: (spec) => storageOf(spec, bloomNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    config.unsupported(
      'apply_residual_connection_post_layernorm',
      'a residual stream that goes on from behind the norms is not supported',
      [false],
    );
    // Published configs use either name of both.
    const hiddenKey = config.has('n_embed') ? 'n_embed' : 'hidden_size';
    const headsKey = config.has('num_attention_heads') ? 'num_attention_heads' : 'n_head';
    const hiddenSize = config.count(hiddenKey);
    const numHeads = config.count(headsKey);
    dividedHeadSize(config, hiddenKey, headsKey);
    const norm = runNorm(config, { kind: 'layernorm', epsilon: config.positive('layer_norm_epsilon', 1e-5) });
    const decoder = gptLike(config, {
      family: 'bloom',
      hiddenSize,
      numLayers: config.layers(config.has('num_hidden_layers') ? 'num_hidden_layers' : 'n_layer'),
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
      attention: { ...decoder.attention, projection: 'fused_by_group' },
    };
  },
};
