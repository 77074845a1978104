import { dividedHeadSize, readRotary } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { runNorm, runQkNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  ...llamaNames,
  'blocks.#.attention.query_norm.heads.#': 'model.layers.#.self_attn.q_layernorm.norms.#',
  'blocks.#.attention.key_norm.heads.#': 'model.layers.#.self_attn.k_layernorm.norms.#',
};

const options = {
  defaults: {
    vocab_size: 50_304,
    intermediate_size: 6912,
    hidden_size: 2560,
    num_hidden_layers: 32,
    num_attention_heads: 32,
  },
} satisfies ConfigOptions;

const maxPositions = 4096;

/** StableLM: Llama's layout with LayerNorms, a part of each head rotated, and in one size branches side by side. */
export const stablelm: Family = {
  id: 'stablelm',
  modelTypes: ['stablelm'],
  ...llamaLayout,
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    const headSize = dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
    const epsilon = config.positive('layer_norm_eps', 1e-5);
    const isNormed = config.flag('qk_layernorm', false);
    const decoder = readLlamaLike(config, 'stablelm', {
      norm: runNorm(config, { kind: 'layernorm', epsilon }, { hasQkNorms: isNormed }),
      headSize,
      positions: readRotary(config, headSize, 0.25, undefined, { positions: maxPositions }),
      keyValueHeads: 32,
      maxPositions,
      attentionBias: false,
    });
    return {
      ...decoder,
      attention: {
        ...decoder.attention,
        qkvBias: config.flag('use_qkv_bias', false),
        qkNorm: isNormed
          ? { norm: runQkNorm(config, { kind: 'layernorm-nobias', epsilon }), extent: 'each_head' }
          : null,
      },
      ...(config.flag('use_parallel_residual', false) ? { parallel: 'shared_norm' } : {}),
    };
  },
};
