import { dividedHeadSize } from './attention.ts';
import { readConfig } from './config.ts';
import { expertNames, readExperts } from './experts.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { qwenWindows } from './qwen2.ts';
import { storageOf } from './storage.ts';

const partNames = { ...llamaNames, ...expertNames };

/** Qwen1.5-MoE and Qwen2-MoE: Qwen2 with experts, one of which every token goes through. */
export const qwen2Moe: Family = {
  id: 'qwen2_moe',
  modelTypes: ['qwen2_moe'],
  ...llamaLayout,
  sizeKeys: { ...llamaLayout.sizeKeys, inner: 'moe_intermediate_size, shared_expert_intermediate_size' },
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    config.unsupported('decoder_sparse_step', 'layers without experts are not supported', [1]);
    const isEmpty = Array.isArray(raw.mlp_only_layers) && raw.mlp_only_layers.length === 0;
    if (!isEmpty) config.unsupported('mlp_only_layers', 'layers without experts are not supported');
    const decoder = readLlamaLike(config, 'qwen2_moe', {
      norm: { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-6) },
      headSize: dividedHeadSize(config, 'hidden_size', 'num_attention_heads'),
      keyValueHeads: 16,
      maxPositions: 32_768,
      attentionBias: false,
    });
    const normalized = config.flag('norm_topk_prob', false);
    const experts = {
      ...readExperts(config, { countKey: 'num_experts', count: 60, perToken: 4, normalized }),
      sharedInnerSize: config.count('shared_expert_intermediate_size', 5632),
    };
    return {
      ...decoder,
      attention: { ...decoder.attention, qkvBias: true, ...qwenWindows(config, decoder) },
      mlp: { ...decoder.mlp, innerSize: config.count('moe_intermediate_size', 1408), experts },
    };
  },
};
