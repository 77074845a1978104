import { dividedHeadSize } from './attention.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, readLlamaLike } from './llama.ts';

/** Granite 3: Llama with factors on the embeddings, on each branch, on the scores, and under the logits. */
export const granite: Family = {
  id: 'granite',
  modelTypes: ['granite'],
  ...llamaLayout,
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const decoder = readLlamaLike(config, 'granite', {
      norm: { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-6) },
      headSize: config.optionalCount('head_dim') ?? dividedHeadSize(config, 'hidden_size', 'num_attention_heads'),
      mlpBias: config.flag('mlp_bias', false),
    });
    const scales = Array.from({ length: decoder.numLayers }, () => config.positive('attention_multiplier', 1));
    return {
      ...decoder,
      attention: { ...decoder.attention, scales },
      embeddingScale: config.positive('embedding_multiplier', 1),
      residualScale: config.positive('residual_multiplier', 1),
      logitScale: 1 / config.positive('logits_scaling', 1),
    };
  },
};
