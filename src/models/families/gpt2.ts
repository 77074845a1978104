import type { DecoderSpec } from '../spec.ts';
import { activationNames } from './activation.ts';
import { dividedHeadSize } from './attention.ts';
import { type ConfigOptions, type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

/** GPT-2's names, which StarCoder's layout shares. */
export const gpt2Names = {
  'embedding.token': 'transformer.wte',
  'embedding.position': 'transformer.wpe',
  'blocks.#.attention.input_norm': 'transformer.h.#.ln_1',
  'blocks.#.attention.qkv': 'transformer.h.#.attn.c_attn',
  'blocks.#.attention.output': 'transformer.h.#.attn.c_proj',
  'blocks.#.mlp.input_norm': 'transformer.h.#.ln_2',
  'blocks.#.mlp.up': 'transformer.h.#.mlp.c_fc',
  'blocks.#.mlp.down': 'transformer.h.#.mlp.c_proj',
  final_norm: 'transformer.ln_f',
  head: 'lm_head',
};

/** The defaults of GPT-2's configuration class and its other names of sizes, which StarCoder shares. */
export const gpt2Options = {
  defaults: { vocab_size: 50_257, n_positions: 1024, n_embd: 768, n_layer: 12, n_head: 12 },
  aliases: {
    n_embd: 'hidden_size',
    n_positions: 'max_position_embeddings',
    n_head: 'num_attention_heads',
    n_layer: 'num_hidden_layers',
  },
} satisfies ConfigOptions;

/** GPT-2 and what has its layout, GPT-3 among it: learned positions, fused queries, keys and values, biases everywhere. */
export const gpt2: Family = {
  id: 'gpt2',
  modelTypes: ['gpt2'],
  namePrefix: 'transformer.',
  isBuffer: (name) => /^h\.\d+\.attn\.(masked_)?bias$/.test(name),
  sizeKeys: { vocabulary: 'vocab_size', positions: 'n_positions', hidden: 'n_embd', inner: 'n_inner' },
  parse: (config, where = 'config.json') => parse(readConfig(config, where, gpt2Options)),
  // The linears of a block are Conv1D modules, which store [in, out].
  storage: (spec) => storageOf(spec, gpt2Names, (part) => part.type === 'linear' && part.layer !== null),
};

function parse(config: ConfigReader): DecoderSpec {
  config.unsupported('add_cross_attention', 'cross-attention is not supported', [false]);
  const headSize = dividedHeadSize(config, 'n_embd', 'n_head');
  const positions = { kind: 'learned', count: config.count('n_positions') } as const;
  const hiddenSize = config.count('n_embd');
  const decoder = gptLike(config, {
    family: 'gpt2',
    hiddenSize,
    numLayers: config.layers('n_layer'),
    numHeads: config.count('n_head'),
    maxPositions: positions.count,
    positions,
    norm: runNorm(config, { kind: 'layernorm', epsilon: config.positive('layer_norm_epsilon', 1e-5) }),
    activation: config.choice('activation_function', activationNames, 'gelu_new'),
    innerSize: config.optionalCount('n_inner') ?? 4 * hiddenSize,
    tiedHead: true,
  });
  const scale = config.flag('scale_attn_weights', true) ? 1 / Math.sqrt(headSize) : 1;
  const byLayer = config.flag('scale_attn_by_inverse_layer_idx', false);
  return {
    ...decoder,
    attention: {
      ...decoder.attention,
      projection: 'fused',
      scales: decoder.attention.scales.map((_, layer) => (byLayer ? scale / (layer + 1) : scale)),
    },
  };
}
