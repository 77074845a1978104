import { dividedHeadSize, readRotary } from './attention.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, readLlamaLike } from './llama.ts';
import { runNorm } from './recentred.ts';

/** StableLM: Llama's layout with LayerNorms, a part of each head rotated, and in one size branches side by side. */
export const stablelm: Family = {
  id: 'stablelm',
  modelTypes: ['stablelm'],
  ...llamaLayout,
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    config.unsupported('qk_layernorm', 'norms on queries and keys are not supported here', [false]);
    const headSize = dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
    const decoder = readLlamaLike(config, 'stablelm', {
      norm: runNorm(config, { kind: 'layernorm', epsilon: config.positive('layer_norm_eps', 1e-5) }),
      headSize,
      positions: readRotary(config, headSize, 0.25),
      keyValueHeads: 32,
      maxPositions: 4096,
      attentionBias: false,
    });
    return {
      ...decoder,
      attention: { ...decoder.attention, qkvBias: config.flag('use_qkv_bias', false) },
      ...(config.flag('use_parallel_residual', false) ? { parallel: 'shared_norm' } : {}),
    };
  },
};
