import { activationNames } from './activation.ts';
import { readWindowedLayers, windowsOf } from './attention.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { storageOf } from './storage.ts';

/** What Gemma 2 calls its parts. */
export const gemma2Names = {
  ...llamaNames,
  'blocks.#.attention.output_norm': 'model.layers.#.post_attention_layernorm',
  'blocks.#.mlp.input_norm': 'model.layers.#.pre_feedforward_layernorm',
  'blocks.#.mlp.output_norm': 'model.layers.#.post_feedforward_layernorm',
};

/** Gemma 2: Gemma with norms before and after each branch, capped scores and logits, and a window in every second layer. */
export const gemma2: Family = {
  id: 'gemma2',
  modelTypes: ['gemma2'],
  ...llamaLayout,
  storage: (spec) => storageOf(spec, gemma2Names),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const decoder = readLlamaLike(config, 'gemma2', {
      norm: { kind: 'rmsnorm-gemma', epsilon: config.positive('rms_norm_eps', 1e-6) },
      headSize: config.count('head_dim', 256),
      keyValueHeads: 4,
      maxPositions: 8192,
      activation: config.choice('hidden_activation', activationNames, 'gelu_pytorch_tanh'),
      tiedHead: true,
    });
    const { numLayers } = decoder;
    const scale = 1 / Math.sqrt(config.positive('query_pre_attn_scalar', 256));
    const scoreCap = config.nullablePositive('attn_logit_softcapping', 50) ?? undefined;
    const isWindowed = readWindowedLayers(config, numLayers, (layer) => layer % 2 === 0);
    const windows = windowsOf(numLayers, config.nullableCount('sliding_window', 4096), isWindowed);
    return {
      ...decoder,
      placement: 'peri',
      attention: { ...decoder.attention, scales: Array(numLayers).fill(scale), scoreCap, ...windows },
      embeddingScale: Math.sqrt(decoder.hiddenSize),
      logitCap: config.nullablePositive('final_logit_softcapping', 30) ?? undefined,
    };
  },
};
