import { readRotary } from './attention.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { storageOf } from './storage.ts';

const partNames = {
  ...llamaNames,
  'blocks.#.attention.output_norm': 'model.layers.#.post_self_attn_layernorm',
  'blocks.#.mlp.output_norm': 'model.layers.#.post_mlp_layernorm',
  'blocks.#.mlp.gate_up': 'model.layers.#.mlp.gate_up_proj',
};

/** GLM-4-0414: norms before and after each branch, neighbouring coordinates of half of each head rotated. */
export const glm4: Family = {
  id: 'glm4',
  modelTypes: ['glm4'],
  ...llamaLayout,
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const headSize = config.count('head_dim', 128);
    const decoder = readLlamaLike(config, 'glm4', {
      norm: { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1.5625e-7) },
      headSize,
      positions: { ...readRotary(config, headSize, 0.5, undefined, { positions: 131_072 }), interleaved: true },
      keyValueHeads: 2,
      maxPositions: 131_072,
      attentionBias: config.flag('attention_bias', true),
    });
    return {
      ...decoder,
      placement: 'peri',
      attention: { ...decoder.attention, outputBias: false },
      mlp: { ...decoder.mlp, fusedGate: true },
    };
  },
};
