import type { DecoderSpec } from '../spec.ts';
import { activationNames } from './activation.ts';
import { dividedHeadSize } from './attention.ts';
import { type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
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

/** GPT-2 and what has its layout, GPT-3 among it: learned positions, fused queries, keys and values, biases everywhere. */
export const gpt2: Family = {
  id: 'gpt2',
  modelTypes: ['gpt2'],
  namePrefix: 'transformer.',
  isBuffer: (name) => /^h\.\d+\.attn\.(masked_)?bias$/.test(name),
  sizeKeys: { vocabulary: 'vocab_size', positions: 'n_positions', hidden: 'n_embd', inner: 'n_inner' },
  parse: (config, where = 'config.json') => parse(readConfig(config, where)),
  // The linears of a block are Conv1D modules, which store [in, out].
  storage: (spec) => storageOf(spec, partNames, (part) => part.type === 'linear' && part.layer !== null),
};

function parse(config: ConfigReader): DecoderSpec {
  config.unsupported('add_cross_attention', 'cross-attention is not supported', [false]);
  config.unsupported('quantization_config', 'quantized weights are not supported');
  const hiddenSize = config.count('n_embd');
  const numHeads = config.count('n_head');
  const numLayers = config.layers('n_layer');
  const numPositions = config.count('n_positions');
  const headSize = dividedHeadSize(config, 'n_embd', 'n_head');
  const norm = runNorm(config, { kind: 'layernorm', epsilon: config.positive('layer_norm_epsilon', 1e-5) });
  const scale = config.flag('scale_attn_weights', true) ? 1 / Math.sqrt(headSize) : 1;
  const byLayer = config.flag('scale_attn_by_inverse_layer_idx', false);
  return {
    family: 'gpt2',
    vocabularySize: config.count('vocab_size'),
    hiddenSize,
    streamSize: hiddenSize,
    numLayers,
    maxPositions: numPositions,
    positions: { kind: 'learned', count: numPositions },
    norm,
    placement: 'pre',
    finalNorm: norm,
    attention: {
      numHeads,
      numKeyValueHeads: numHeads,
      headSize,
      projection: 'fused',
      qkvBias: true,
      outputBias: true,
      scales: Array.from({ length: numLayers }, (_, layer) => (byLayer ? scale / (layer + 1) : scale)),
      clip: null,
      qkNorm: null,
    },
    mlp: {
      kind: 'plain',
      activation: config.choice('activation_function', activationNames, 'gelu_new'),
      innerSize: config.optionalCount('n_inner') ?? 4 * hiddenSize,
      bias: true,
    },
    tiedHead: config.flag('tie_word_embeddings', true),
    headBias: false,
  };
}
