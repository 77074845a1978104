import { activationNames } from './activation.ts';
import { readHeadSize, windowsOf } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  ...llamaNames,
  'blocks.#.mlp.up': 'model.layers.#.mlp.c_fc',
  'blocks.#.mlp.down': 'model.layers.#.mlp.c_proj',
};

const options = {
  defaults: {
    vocab_size: 49_152,
    hidden_size: 3072,
    intermediate_size: 12_288,
    num_hidden_layers: 30,
    num_attention_heads: 24,
  },
} satisfies ConfigOptions;

/** StarCoder2: Llama's attention with biases and perhaps a window, LayerNorms, a plain MLP. */
export const starcoder2: Family = {
  id: 'starcoder2',
  modelTypes: ['starcoder2'],
  ...llamaLayout,
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    const bias = config.flag('use_bias', true);
    const decoder = readLlamaLike(config, 'starcoder2', {
      norm: runNorm(config, { kind: 'layernorm', epsilon: config.positive('norm_epsilon', 1e-5) }),
      headSize: readHeadSize(config),
      keyValueHeads: 2,
      maxPositions: 4096,
      activation: config.choice('hidden_act', activationNames, 'gelu_pytorch_tanh'),
      attentionBias: bias,
      mlpBias: bias,
      tiedHead: true,
    });
    const windows = windowsOf(decoder.numLayers, config.optionalCount('sliding_window'));
    return {
      ...decoder,
      attention: { ...decoder.attention, ...windows },
      mlp: { ...decoder.mlp, kind: 'plain' },
    };
  },
};
