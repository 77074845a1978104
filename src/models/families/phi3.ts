import { dividedHeadSize, readRotary, windowsOf } from './attention.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { storageOf } from './storage.ts';

const partNames = {
  ...llamaNames,
  'blocks.#.attention.qkv': 'model.layers.#.self_attn.qkv_proj',
  'blocks.#.mlp.gate_up': 'model.layers.#.mlp.gate_up_proj',
};

/** Phi-3 and Phi-4: Llama with one linear for queries, keys and values, and one for the gate and what it gates. */
export const phi3: Family = {
  id: 'phi3',
  modelTypes: ['phi3'],
  ...llamaLayout,
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const headSize = config.optionalCount('head_dim') ?? dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
    const decoder = readLlamaLike(config, 'phi3', {
      norm: { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-5) },
      headSize,
      positions: readRotary(config, headSize, 1, undefined, {
        positions: 4096,
        originalPositions: 4096,
        // Older configs call it so.
        kinds: { su: 'longrope', yarn: 'longrope' },
      }),
      maxPositions: 4096,
      attentionBias: false,
    });
    const windows = windowsOf(decoder.numLayers, config.optionalCount('sliding_window'));
    return {
      ...decoder,
      attention: { ...decoder.attention, projection: 'fused', ...windows },
      mlp: { ...decoder.mlp, fusedGate: true },
    };
  },
};
