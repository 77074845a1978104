import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { qwenWindows } from './qwen2.ts';
import { storageOf } from './storage.ts';

/** What Qwen3 calls the parts of its attention and its dense MLP. */
export const qwen3Names = {
  ...llamaNames,
  'blocks.#.attention.query_norm': 'model.layers.#.self_attn.q_norm',
  'blocks.#.attention.key_norm': 'model.layers.#.self_attn.k_norm',
};

/** Qwen3: Llama's layout, and an RMSNorm on each head's queries and keys before they are rotated. */
export const qwen3: Family = {
  id: 'qwen3',
  modelTypes: ['qwen3'],
  ...llamaLayout,
  storage: (spec) => storageOf(spec, qwen3Names),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const norm = { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-6) };
    const decoder = readLlamaLike(config, 'qwen3', {
      norm,
      headSize: config.count('head_dim', 128),
      keyValueHeads: 32,
      maxPositions: 32_768,
    });
    const qkNorm = { norm, extent: 'head' } as const;
    return { ...decoder, attention: { ...decoder.attention, qkNorm, ...qwenWindows(config, decoder) } };
  },
};
