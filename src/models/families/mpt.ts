import { alibiSlopes, dividedHeadSize } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'transformer.wte',
  'blocks.#.attention.input_norm': 'transformer.blocks.#.norm_1',
  'blocks.#.attention.qkv': 'transformer.blocks.#.attn.Wqkv',
  'blocks.#.attention.output': 'transformer.blocks.#.attn.out_proj',
  'blocks.#.mlp.input_norm': 'transformer.blocks.#.norm_2',
  'blocks.#.mlp.up': 'transformer.blocks.#.ffn.up_proj',
  'blocks.#.mlp.down': 'transformer.blocks.#.ffn.down_proj',
  final_norm: 'transformer.norm_f',
  head: 'lm_head',
};

const options = {
  defaults: { vocab_size: 50_368, d_model: 2048, n_heads: 16, n_layers: 24, max_seq_len: 2048 },
  aliases: { d_model: 'hidden_size', n_heads: 'num_attention_heads', n_layers: 'num_hidden_layers' },
} satisfies ConfigOptions;

/**
 * MPT: ALiBi and no biases, not on the norms either.
 *
 * What transformers ignores is ignored here: expansion_ratio, learned_pos_emb, no_bias, logit_scale, embedding_fraction,
 * and in attn_config alibi, alibi_bias_max, attn_type, prefix_lm and qk_ln. Where a model was trained with them, most
 * show in tensors that then have no place. norm_type does not show, and is read.
 */
export const mpt: Family = {
  id: 'mpt',
  modelTypes: ['mpt'],
  namePrefix: 'transformer.',
  isBuffer: () => false,
  sizeKeys: { vocabulary: 'vocab_size', hidden: 'd_model', inner: 'd_model', heads: 'n_heads' },
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    config.choice('norm_type', { low_precision_layernorm: true, layernorm: true }, 'low_precision_layernorm');
    const attn = config.optionalObject('attn_config');
    const hiddenSize = config.count('d_model');
    const numHeads = config.count('n_heads');
    dividedHeadSize(config, 'd_model', 'n_heads');
    const decoder = gptLike(config, {
      family: 'mpt',
      hiddenSize,
      numLayers: config.layers('n_layers'),
      numHeads,
      maxPositions: config.count('max_seq_len'),
      positions: { kind: 'alibi', slopes: alibiSlopes(numHeads) },
      norm: runNorm(config, { kind: 'layernorm-nobias', epsilon: config.positive('layer_norm_epsilon', 1e-5) }),
      activation: 'gelu',
      innerSize: 4 * hiddenSize,
      tiedHead: true,
    });
    const scale = attn?.optionalPositive('softmax_scale') ?? null;
    return {
      ...decoder,
      attention: {
        ...decoder.attention,
        projection: 'fused',
        qkvBias: false,
        outputBias: false,
        clip: attn?.is('clip_qkv', [0, false]) ? null : (attn?.optionalPositive('clip_qkv') ?? null),
        ...(scale === null ? {} : { scales: decoder.attention.scales.map(() => scale) }),
      },
      mlp: { ...decoder.mlp, bias: false },
    };
  },
};
