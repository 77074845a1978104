import type { Activation } from '../spec.ts';
import { activationNames } from './activation.ts';
import { type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, readLlamaLike } from './llama.ts';
import { isWrittenBefore } from './version.ts';

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
      activation: readActivation(config),
      tiedHead: true,
    });
    return { ...decoder, embeddingScale: Math.sqrt(decoder.hiddenSize) };
  },
};

/**
 * Before transformers 4.48 its code took no notice of `hidden_act`, which the published configs give as "gelu" where they
 * mean its approximation; since then it takes no notice of `hidden_activation`.
 */
function readActivation(config: ConfigReader): Activation {
  if (config.has('transformers_version') && !isWrittenBefore(config, 4, 48)) {
    return config.choice('hidden_act', activationNames, 'gelu_pytorch_tanh');
  }
  return config.has('hidden_activation') ? config.choice('hidden_activation', activationNames) : 'gelu_tanh';
}
