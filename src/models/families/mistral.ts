import { dividedHeadSize, windowsOf } from './attention.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, readLlamaLike } from './llama.ts';

/** Mistral: Llama's layout without biases, and attention to a window of the latest keys in every layer. */
export const mistral: Family = {
  id: 'mistral',
  modelTypes: ['mistral'],
  ...llamaLayout,
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const decoder = readLlamaLike(config, 'mistral', {
      norm: { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-6) },
      headSize: config.optionalCount('head_dim') ?? dividedHeadSize(config, 'hidden_size', 'num_attention_heads'),
      keyValueHeads: 8,
      maxPositions: 131_072,
      attentionBias: false,
    });
    const windows = windowsOf(decoder.numLayers, config.nullableCount('sliding_window', 4096));
    return { ...decoder, attention: { ...decoder.attention, ...windows } };
  },
};
