import { dividedHeadSize } from './attention.ts';
import { readConfig } from './config.ts';
import { expertNames, readExperts } from './experts.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { storageOf } from './storage.ts';

const partNames = {
  ...llamaNames,
  ...expertNames,
  'blocks.#.attention.query_norm': 'model.layers.#.self_attn.q_norm',
  'blocks.#.attention.key_norm': 'model.layers.#.self_attn.k_norm',
};

/** OLMoE: Llama's layout with experts, and norms on all heads' queries and keys together. */
export const olmoe: Family = {
  id: 'olmoe',
  modelTypes: ['olmoe'],
  ...llamaLayout,
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const norm = { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-5) };
    const decoder = readLlamaLike(config, 'olmoe', {
      norm,
      headSize: dividedHeadSize(config, 'hidden_size', 'num_attention_heads'),
      maxPositions: 4096,
      clip: config.optionalPositive('clip_qkv'),
    });
    const normalized = config.flag('norm_topk_prob', false);
    const experts = readExperts(config, { countKey: 'num_experts', count: 64, perToken: 8, normalized });
    const clips = decoder.attention.clip === null ? {} : { clipsNormed: true as const };
    const attention = { ...decoder.attention, qkNorm: { norm, extent: 'full' } as const, ...clips };
    return { ...decoder, attention, mlp: { ...decoder.mlp, experts } };
  },
};
