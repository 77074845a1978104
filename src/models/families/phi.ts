import type { DecoderSpec } from '../spec.ts';
import { activationNames } from './activation.ts';
import { dividedHeadSize, readKeyValueHeads, readRotary } from './attention.ts';
import { type ConfigOptions, type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { llamaLayout } from './llama.ts';
import { runNorm, runQkNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'model.embed_tokens',
  'blocks.#.attention.input_norm': 'model.layers.#.input_layernorm',
  'blocks.#.attention.query': 'model.layers.#.self_attn.q_proj',
  'blocks.#.attention.key': 'model.layers.#.self_attn.k_proj',
  'blocks.#.attention.value': 'model.layers.#.self_attn.v_proj',
  'blocks.#.attention.query_norm': 'model.layers.#.self_attn.q_layernorm',
  'blocks.#.attention.key_norm': 'model.layers.#.self_attn.k_layernorm',
  'blocks.#.attention.output': 'model.layers.#.self_attn.dense',
  'blocks.#.mlp.up': 'model.layers.#.mlp.fc1',
  'blocks.#.mlp.down': 'model.layers.#.mlp.fc2',
  final_norm: 'model.final_layernorm',
  head: 'lm_head',
};

const options = {
  defaults: {
    vocab_size: 51_200,
    hidden_size: 2048,
    intermediate_size: 8192,
    num_hidden_layers: 24,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
  },
} satisfies ConfigOptions;

/** What Phi and the families with its layout have in common: the keys of sizes, and old buffers. */
export const phiLayout = {
  namePrefix: 'model.',
  isBuffer: llamaLayout.isBuffer,
  sizeKeys: {
    vocabulary: 'vocab_size',
    hidden: 'hidden_size',
    inner: 'intermediate_size',
    heads: 'num_attention_heads',
  },
} satisfies Partial<Family>;

/** In what a family differs from the others with Phi's layout. */
interface PhiLike {
  readonly family: string;
  readonly isQkNormed: boolean;
  readonly defaultActivation: string;
  readonly defaultBase?: number;
}

/** A decoder with LayerNorms, also on each head's queries and keys where it asks for them, that rotates half of each head unless it says otherwise. */
export function phiLike(config: ConfigReader, own: PhiLike): DecoderSpec {
  const headSize = dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
  const norm = { kind: 'layernorm', epsilon: config.positive('layer_norm_eps', 1e-5) };
  const decoder = gptLike(config, {
    family: own.family,
    hiddenSize: config.count('hidden_size'),
    numLayers: config.layers('num_hidden_layers'),
    numHeads: config.count('num_attention_heads'),
    maxPositions: config.count('max_position_embeddings'),
    positions: readRotary(config, headSize, 0.5, own.defaultBase),
    norm: runNorm(config, norm, { hasQkNorms: own.isQkNormed }),
    activation: config.choice('hidden_act', activationNames, own.defaultActivation),
    innerSize: config.count('intermediate_size'),
    tiedHead: false,
  });
  const qkNorm = own.isQkNormed ? ({ norm: runQkNorm(config, norm), extent: 'head' } as const) : null;
  return { ...decoder, attention: { ...decoder.attention, qkNorm } };
}

/**
 * Phi-1, 1.5 and 2: both branches side by side with one norm, a part of each head rotated, biases on the head too.
 *
 * Norms on queries and keys follow transformers 4.48 and newer; older versions can't run them.
 */
export const phi: Family = {
  ...phiLayout,
  id: 'phi',
  modelTypes: ['phi'],
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    const isQkNormed = config.flag('qk_layernorm', false);
    const decoder = phiLike(config, { family: 'phi', isQkNormed, defaultActivation: 'gelu_new' });
    const attention = { ...decoder.attention, numKeyValueHeads: readKeyValueHeads(config) };
    return { ...decoder, parallel: 'shared_norm', attention, headBias: true };
  },
};
