import { dividedHeadSize } from './attention.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { storageOf } from './storage.ts';

const partNames = {
  ...llamaNames,
  'blocks.#.attention.query_norm': 'model.layers.#.self_attn.q_norm',
  'blocks.#.attention.key_norm': 'model.layers.#.self_attn.k_norm',
  'blocks.#.attention.output_norm': 'model.layers.#.post_attention_layernorm',
  'blocks.#.mlp.output_norm': 'model.layers.#.post_feedforward_layernorm',
};

/** OLMo 2: norms on the branches' outputs instead of their inputs, and on all heads' queries and keys together. */
export const olmo2: Family = {
  id: 'olmo2',
  modelTypes: ['olmo2'],
  ...llamaLayout,
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const norm = { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-5) };
    const decoder = readLlamaLike(config, 'olmo2', {
      norm,
      headSize: config.optionalCount('head_dim') ?? dividedHeadSize(config, 'hidden_size', 'num_attention_heads'),
    });
    const attention = { ...decoder.attention, qkNorm: { norm, extent: 'full' } as const };
    return { ...decoder, placement: 'output', attention };
  },
};
