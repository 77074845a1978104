import { dividedHeadSize, windowsOf } from './attention.ts';
import { readConfig } from './config.ts';
import { readExperts } from './experts.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { storageOf } from './storage.ts';

const partNames = {
  ...llamaNames,
  'blocks.#.mlp.router': 'model.layers.#.block_sparse_moe.gate',
  'blocks.#.mlp.experts.#.gate': 'model.layers.#.block_sparse_moe.experts.#.w1',
  'blocks.#.mlp.experts.#.up': 'model.layers.#.block_sparse_moe.experts.#.w3',
  'blocks.#.mlp.experts.#.down': 'model.layers.#.block_sparse_moe.experts.#.w2',
};

/** Mixtral: Mistral with experts, whose chosen probabilities are normalized. */
export const mixtral: Family = {
  id: 'mixtral',
  modelTypes: ['mixtral'],
  ...llamaLayout,
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const decoder = readLlamaLike(config, 'mixtral', {
      norm: { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-5) },
      headSize: config.optionalCount('head_dim') ?? dividedHeadSize(config, 'hidden_size', 'num_attention_heads'),
      keyValueHeads: 8,
      maxPositions: 131_072,
      attentionBias: false,
      rotaryBase: 1e6,
    });
    const windows = windowsOf(decoder.numLayers, config.optionalCount('sliding_window'));
    const experts = readExperts(config, { countKey: 'num_local_experts', count: 8, perToken: 2, normalized: true });
    return { ...decoder, attention: { ...decoder.attention, ...windows }, mlp: { ...decoder.mlp, experts } };
  },
};
