import type { DecoderSpec, RotaryPositions } from '../spec.ts';
import { dividedHeadSize, evenSize } from './attention.ts';
import { type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'transformer.wte',
  'blocks.#.attention.input_norm': 'transformer.h.#.ln_1',
  'blocks.#.attention.qkv': 'transformer.h.#.attn.c_attn',
  'blocks.#.attention.output': 'transformer.h.#.attn.c_proj',
  'blocks.#.mlp.input_norm': 'transformer.h.#.ln_2',
  'blocks.#.mlp.gate': 'transformer.h.#.mlp.w2',
  'blocks.#.mlp.up': 'transformer.h.#.mlp.w1',
  'blocks.#.mlp.down': 'transformer.h.#.mlp.c_proj',
  final_norm: 'transformer.ln_f',
  head: 'lm_head',
};

/**
 * The first Qwen, whose code comes with its checkpoints (`modeling_qwen.py`): one linear with biases for queries, keys and
 * values, an MLP of half the `intermediate_size`, and two adaptations to sequences longer than `seq_length`.
 */
export const qwen: Family = {
  id: 'qwen',
  modelTypes: ['qwen'],
  namePrefix: 'transformer.',
  isBuffer: (name) =>
    /^rotary_emb\.inv_freq$|^h\.\d+\.attn\.(rotary_emb\.inv_freq|bias|masked_bias|logn_tensor)$/.test(name),
  sizeKeys: {
    vocabulary: 'vocab_size',
    hidden: 'hidden_size',
    inner: 'intermediate_size',
    heads: 'num_attention_heads',
  },
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    config.unsupported('quantization_config', 'quantized weights are not supported');
    const hiddenSize = config.count('hidden_size');
    const numHeads = config.count('num_attention_heads');
    const headSize = dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
    const numLayers = config.layers('num_hidden_layers');
    const channels = config.count('kv_channels', 128);
    if (channels !== headSize) {
      throw config.wrong(
        `kv_channels is ${channels}, expected hidden_size (${hiddenSize}) / num_attention_heads (${numHeads})`,
      );
    }
    const inner = config.count('intermediate_size', 22_016);
    if (inner < 2) throw config.wrong('intermediate_size is 1, but the MLP has half of that');
    const norm = { kind: 'rmsnorm', epsilon: config.positive('layer_norm_epsilon', 1e-6) };
    const hasBiases = !config.flag('no_bias', true);
    return {
      family: 'qwen',
      vocabularySize: config.count('vocab_size', 151_936),
      hiddenSize,
      streamSize: hiddenSize,
      numLayers,
      maxPositions: config.count('max_position_embeddings', 8192),
      positions: readPositions(config, headSize),
      norm,
      placement: 'pre',
      finalNorm: norm,
      attention: {
        numHeads,
        numKeyValueHeads: numHeads,
        headSize,
        projection: 'fused',
        qkvBias: true,
        outputBias: hasBiases,
        scales: Array.from({ length: numLayers }, () => 1 / Math.sqrt(headSize)),
        clip: null,
        qkNorm: null,
        ...readLogScale(config),
      },
      mlp: { kind: 'gated', activation: 'silu', innerSize: Math.floor(inner / 2), bias: hasBiases },
      tiedHead: config.flag('tie_word_embeddings', false),
      headBias: false,
    };
  },
};

function readPositions(config: ConfigReader, headSize: number): RotaryPositions {
  const size = evenSize(config, headSize, config.positive('rotary_pct', 1));
  return {
    kind: 'rotary',
    base: config.positive('rotary_emb_base', 10_000),
    ...(size === headSize ? {} : { size }),
    ...(config.flag('use_dynamic_ntk', true)
      ? { scaling: { kind: 'doubling', originalPositions: config.count('seq_length') } }
      : {}),
  };
}

function readLogScale(config: ConfigReader): Pick<DecoderSpec['attention'], 'logScaledFrom'> {
  if (!config.flag('use_logn_attn', true)) return {};
  const length = config.count('seq_length');
  if (length < 2) throw config.wrong('seq_length is 1, expected a whole number from 2 with use_logn_attn');
  return { logScaledFrom: length };
}
