import { dividedHeadSize } from './attention.ts';
import { readConfig } from './config.ts';
import { denseLayers, expertNames, readExperts } from './experts.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { qwenWindows } from './qwen2.ts';
import { storageOf } from './storage.ts';

const partNames = { ...llamaNames, ...expertNames };

/** Qwen1.5-MoE and Qwen2-MoE: Qwen2 with experts in all layers or some, one of which every token goes through. */
export const qwen2Moe: Family = {
  id: 'qwen2_moe',
  modelTypes: ['qwen2_moe'],
  ...llamaLayout,
  sizeKeys: {
    ...llamaLayout.sizeKeys,
    inner: 'moe_intermediate_size, shared_expert_intermediate_size, intermediate_size',
  },
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const decoder = readLlamaLike(config, 'qwen2_moe', {
      norm: { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-6) },
      headSize: dividedHeadSize(config, 'hidden_size', 'num_attention_heads'),
      keyValueHeads: 16,
      maxPositions: 32_768,
      attentionBias: false,
      innerSize: config.count('moe_intermediate_size', 1408),
    });
    const normalized = config.flag('norm_topk_prob', false);
    const experts = {
      ...readExperts(config, { countKey: 'num_experts', count: 60, perToken: 4, normalized }),
      sharedInnerSize: config.count('shared_expert_intermediate_size', 5632),
      ...denseLayers(config, decoder.numLayers, 5632),
    };
    const mlp = { ...decoder.mlp, experts };
    const windows = qwenWindows(config, { ...decoder, mlp });
    return {
      ...decoder,
      attention: { ...decoder.attention, qkvBias: config.flag('qkv_bias', true), ...windows },
      mlp,
    };
  },
};
