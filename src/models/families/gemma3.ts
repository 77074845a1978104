import type { DecoderSpec, PositionSpec } from '../spec.ts';
import { activationNames } from './activation.ts';
import { readRotary, readWindowedLayers, windowsOf } from './attention.ts';
import { type ConfigReader, isRecord, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gemma2Names } from './gemma2.ts';
import { llamaLayout, readLlamaLike } from './llama.ts';
import { storageOf } from './storage.ts';

const partNames: Readonly<Record<string, string>> = {
  ...gemma2Names,
  'blocks.#.attention.query_norm': 'model.layers.#.self_attn.q_norm',
  'blocks.#.attention.key_norm': 'model.layers.#.self_attn.k_norm',
};

/** The sizes that Gemma 3's published configs leave out. */
const defaults = {
  vocab_size: 262_208,
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
};

/**
 * Gemma 3, text alone: Gemma 2 without caps, with norms on each head's queries and keys, and rotations of their own in
 * the layers with a window, which are five of six. The reference code ignores attn_logit_softcapping.
 */
export const gemma3: Family = {
  id: 'gemma3_text',
  modelTypes: ['gemma3_text'],
  ...llamaLayout,
  storage: (spec) => storageOf(spec, partNames),
  parse: (raw, where = 'config.json') => parse(readConfig(raw, where, { defaults }), 'gemma3_text'),
};

/** The text model within a Gemma 3 that sees pictures too; the tensors of the rest are left alone. */
export const gemma3Multimodal: Family = {
  ...gemma3,
  id: 'gemma3',
  modelTypes: ['gemma3'],
  namePrefix: 'language_model.model.',
  isBuffer: (name) => llamaLayout.isBuffer(name) || /^(vision_tower|multi_modal_projector)\./.test(name),
  storage: (spec) =>
    storageOf(
      spec,
      Object.fromEntries(Object.entries(partNames).map(([part, name]) => [part, `language_model.${name}`])),
    ),
  parse(raw, where = 'config.json') {
    readConfig(raw, where).unsupported('quantization_config', 'quantized weights are not supported');
    const text = isRecord(raw.text_config) ? raw.text_config : undefined;
    if (text === undefined) throw readConfig(raw, where).wrong('text_config is missing, expected an object');
    return parse(readConfig(text, where, { defaults }, 'text_config.'), 'gemma3');
  },
};

function parse(config: ConfigReader, family: string): DecoderSpec {
  config.unsupported('use_bidirectional_attention', 'tokens that see later ones are not supported', [false]);
  const norm = { kind: 'rmsnorm-gemma', epsilon: config.positive('rms_norm_eps', 1e-6) };
  const headSize = config.count('head_dim', 256);
  const numLayers = config.layers('num_hidden_layers');
  const pattern = config.count('sliding_window_pattern', 6);
  const isWindowed = readWindowedLayers(config, numLayers, (layer) => (layer + 1) % pattern !== 0);
  const decoder = readLlamaLike(config, family, {
    norm,
    headSize,
    positions: readPositions(config, headSize, isWindowed),
    keyValueHeads: 4,
    maxPositions: 131_072,
    activation: config.choice('hidden_activation', activationNames, 'gelu_pytorch_tanh'),
    tiedHead: true,
  });
  const scale = 1 / Math.sqrt(config.positive('query_pre_attn_scalar', 256));
  return {
    ...decoder,
    placement: 'peri',
    attention: {
      ...decoder.attention,
      qkNorm: { norm, extent: 'head' },
      scales: Array(numLayers).fill(scale),
      ...windowsOf(numLayers, config.nullableCount('sliding_window', 4096), isWindowed),
    },
    embeddingScale: Math.sqrt(decoder.hiddenSize),
    logitCap: config.optionalPositive('final_logit_softcapping') ?? undefined,
  };
}

function readPositions(config: ConfigReader, headSize: number, isWindowed: (layer: number) => boolean): PositionSpec {
  const parameters = config.optionalObject('rope_parameters');
  const ofFullLayers = parameters?.optionalObject('full_attention') ?? parameters;
  const ofWindowedLayers = parameters?.optionalObject('sliding_attention');
  ofWindowedLayers?.unsupported('rope_type', 'rotations of windowed layers are not scaled', ['default']);
  const base = config.positive('rope_local_base_freq', 10_000);
  const layers = Array.from({ length: config.layers('num_hidden_layers') }, (_, layer) => isWindowed(layer));
  return {
    ...readRotary(config, headSize, undefined, 1e6, { positions: 131_072, parameters: ofFullLayers }),
    ...(layers.includes(true)
      ? { local: { base: ofWindowedLayers?.positive('rope_theta', base) ?? base, layers } }
      : {}),
  };
}
