import { activationNames } from './activation.ts';
import { dividedHeadSize } from './attention.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gpt2Names, gpt2Options } from './gpt2.ts';
import { gptLike } from './layernorm.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

/** StarCoder and SantaCoder: GPT-2 whose heads share one key and one value, with linears stored as PyTorch does. */
export const gptBigcode: Family = {
  id: 'gpt_bigcode',
  modelTypes: ['gpt_bigcode'],
  namePrefix: 'transformer.',
  isBuffer: (name) => /^bias$|^h\.\d+\.attn\.(masked_)?bias$/.test(name),
  sizeKeys: { vocabulary: 'vocab_size', positions: 'n_positions', hidden: 'n_embd', inner: 'n_inner', heads: 'n_head' },
  storage: (spec) => storageOf(spec, gpt2Names),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, gpt2Options);
    config.unsupported('add_cross_attention', 'cross-attention is not supported', [false]);
    const hiddenSize = config.count('n_embd');
    const headSize = dividedHeadSize(config, 'n_embd', 'n_head');
    const positions = { kind: 'learned', count: config.count('n_positions') } as const;
    const numLayers = config.layers('n_layer');
    const decoder = gptLike(config, {
      family: 'gpt_bigcode',
      hiddenSize,
      numLayers,
      numHeads: config.count('n_head'),
      maxPositions: positions.count,
      positions,
      norm: runNorm(config, { kind: 'layernorm', epsilon: config.positive('layer_norm_epsilon', 1e-5) }),
      activation: config.choice('activation_function', activationNames, 'gelu_pytorch_tanh'),
      innerSize: config.optionalCount('n_inner') ?? 4 * hiddenSize,
      tiedHead: true,
    });
    const { attention } = decoder;
    const scale = config.flag('scale_attn_weights', true) ? 1 / Math.sqrt(headSize) : 1;
    return {
      ...decoder,
      attention: {
        ...attention,
        projection: 'fused_by_group',
        numKeyValueHeads: config.flag('multi_query', true) ? 1 : attention.numHeads,
        scales: Array.from({ length: numLayers }, () => scale),
      },
    };
  },
};
