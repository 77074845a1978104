import { activationNames } from './activation.ts';
import { dividedHeadSize, readRotary } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, readLlamaLike } from './llama.ts';
import { runNorm } from './recentred.ts';

const options = {
  defaults: {
    vocab_size: 256_000,
    hidden_size: 6144,
    intermediate_size: 24_576,
    num_hidden_layers: 32,
    num_attention_heads: 48,
  },
} satisfies ConfigOptions;

/**
 * Nemotron and Minitron: LayerNorms that store their weights minus one, a part of each head rotated, squared ReLU. The
 * reference code ignores rope_scaling.
 */
export const nemotron: Family = {
  id: 'nemotron',
  modelTypes: ['nemotron'],
  ...llamaLayout,
  parse(raw, where = 'config.json') {
    const config = readConfig({ ...raw, rope_scaling: null }, where, options);
    const headSize = config.optionalCount('head_dim') ?? dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
    const decoder = readLlamaLike(config, 'nemotron', {
      norm: runNorm(config, { kind: 'layernorm1p', epsilon: config.positive('norm_eps', 1e-5) }),
      headSize,
      positions: readRotary(config, headSize, 0.5),
      maxPositions: 4096,
      activation: config.choice('hidden_act', activationNames, 'relu2'),
      mlpBias: config.flag('mlp_bias', false),
    });
    return { ...decoder, mlp: { ...decoder.mlp, kind: 'plain' } };
  },
};
