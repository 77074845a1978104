import { activationNames } from './activation.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, readLlamaLike } from './llama.ts';

/** Gemma 1: Llama's layout with norms of 1 + w, and embeddings times √d, which are also the head. */
export const gemma: Family = {
  id: 'gemma',
  modelTypes: ['gemma'],
  ...llamaLayout,
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const decoder = readLlamaLike(config, 'gemma', {
      norm: { kind: 'rmsnorm-gemma', epsilon: config.positive('rms_norm_eps', 1e-6) },
      headSize: config.count('head_dim', 256),
      keyValueHeads: 16,
      maxPositions: 8192,
      // The reference code ignores hidden_act, which published configs give as "gelu".
      activation: config.has('hidden_activation') ? config.choice('hidden_activation', activationNames) : 'gelu_tanh',
      tiedHead: true,
    });
    return { ...decoder, embeddingScale: Math.sqrt(decoder.hiddenSize) };
  },
};
