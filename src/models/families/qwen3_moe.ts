import { dividedHeadSize } from './attention.ts';
import { readConfig } from './config.ts';
import { denseLayers, expertNames, readExperts } from './experts.ts';
import type { Family } from './family.ts';
import { llamaLayout, readLlamaLike } from './llama.ts';
import { qwenWindows } from './qwen2.ts';
import { qwen3Names } from './qwen3.ts';
import { storageOf } from './storage.ts';

const partNames = { ...qwen3Names, ...expertNames };

/** Qwen3-MoE: Qwen3 with experts in all layers or some. */
export const qwen3Moe: Family = {
  id: 'qwen3_moe',
  modelTypes: ['qwen3_moe'],
  ...llamaLayout,
  sizeKeys: { ...llamaLayout.sizeKeys, inner: 'moe_intermediate_size, intermediate_size' },
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const norm = { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-6) };
    const decoder = readLlamaLike(config, 'qwen3_moe', {
      norm,
      headSize: config.optionalCount('head_dim') ?? dividedHeadSize(config, 'hidden_size', 'num_attention_heads'),
      keyValueHeads: 4,
      maxPositions: 32_768,
      innerSize: config.count('moe_intermediate_size', 768),
    });
    const normalized = config.flag('norm_topk_prob', false);
    const experts = {
      ...readExperts(config, { countKey: 'num_experts', count: 128, perToken: 8, normalized }),
      ...denseLayers(config, decoder.numLayers, 6144),
    };
    const mlp = { ...decoder.mlp, experts };
    const windows = qwenWindows(config, { ...decoder, mlp });
    return {
      ...decoder,
      attention: { ...decoder.attention, qkNorm: { norm, extent: 'head' }, ...windows },
      mlp,
    };
  },
};
