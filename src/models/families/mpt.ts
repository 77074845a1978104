import { alibiSlopes, dividedHeadSize } from './attention.ts';
import { readConfig } from './config.ts';
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

/** MPT: ALiBi and no biases, not on the norms either. The reference code ignores expansion_ratio and learned_pos_emb. */
export const mpt: Family = {
  id: 'mpt',
  modelTypes: ['mpt'],
  namePrefix: 'transformer.',
  isBuffer: () => false,
  sizeKeys: { vocabulary: 'vocab_size', hidden: 'd_model', inner: 'd_model', heads: 'n_heads' },
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    config.unsupported('no_bias', 'biases are not supported', [true]);
    config.unsupported('logit_scale', 'scaled logits are not supported');
    config.unsupported('embedding_fraction', 'it is not supported', [1]);
    config.choice('norm_type', { low_precision_layernorm: true, layernorm: true }, 'low_precision_layernorm');
    const attn = config.optionalObject('attn_config');
    attn?.unsupported('attn_type', 'only one key for each head is supported', ['multihead_attention']);
    attn?.unsupported('prefix_lm', 'attention that sees later positions is not supported', [false]);
    attn?.unsupported('qk_ln', 'norms on queries and keys are not supported here', [false]);
    attn?.unsupported('alibi', 'positions other than ALiBi are not supported', [true]);
    const hiddenSize = config.count('d_model');
    const numHeads = config.count('n_heads');
    dividedHeadSize(config, 'd_model', 'n_heads');
    const steepness = (attn?.positive('alibi_bias_max', 8) ?? 8) / 8;
    const decoder = gptLike(config, {
      family: 'mpt',
      hiddenSize,
      numLayers: config.layers('n_layers'),
      numHeads,
      maxPositions: config.count('max_seq_len', 2048),
      positions: { kind: 'alibi', slopes: alibiSlopes(numHeads).map((slope) => slope ** steepness) },
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
        clip: attn?.optionalPositive('clip_qkv') ?? null,
        ...(scale === null ? {} : { scales: decoder.attention.scales.map(() => scale) }),
      },
      mlp: { ...decoder.mlp, bias: false },
    };
  },
};
