import type { DecoderSpec } from '../spec.ts';
import { activationNames } from './activation.ts';
import { alibiSlopes, dividedHeadSize, readRotary } from './attention.ts';
import { bloomNames } from './bloom.ts';
import { type ConfigOptions, type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const twoNormNames = {
  ...bloomNames,
  'blocks.#.attention.input_norm': 'transformer.h.#.ln_attn',
  'blocks.#.mlp.input_norm': 'transformer.h.#.ln_mlp',
};

/**
 * The eager attention of transformers adds ALiBi to the scores although its mask holds it already; its fused attention
 * (SDPA) adds it once. The recordings, and so this, have it twice.
 */
const alibiTimes = 2;

const options = {
  defaults: {
    vocab_size: 65_024,
    hidden_size: 4544,
    num_hidden_layers: 32,
    num_attention_heads: 71,
    max_position_embeddings: 2048,
  },
  aliases: { hidden_size: 'n_embed' },
} satisfies ConfigOptions;

/** Falcon: the 7B arrangement, the one of the RW models with ALiBi, and the newer one with two norms side by side. */
export const falcon: Family = {
  id: 'falcon',
  modelTypes: ['falcon'],
  namePrefix: 'transformer.',
  isBuffer: (name) => /^h\.\d+\.self_attention\.rotary_emb\.inv_freq$|^rotary_emb\.inv_freq$/.test(name),
  sizeKeys: {
    vocabulary: 'vocab_size',
    hidden: 'hidden_size',
    inner: 'ffn_hidden_size',
    heads: 'num_attention_heads',
    keyValueHeads: 'num_kv_heads',
  },
  storage: (spec) => storageOf(spec, spec.parallel === 'two_norms' ? twoNormNames : bloomNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    const headSize = dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
    const hiddenSize = config.count('hidden_size');
    const numHeads = config.count('num_attention_heads');
    const decoder = gptLike(config, {
      family: 'falcon',
      hiddenSize,
      numLayers: config.layers('num_hidden_layers'),
      numHeads,
      maxPositions: config.count('max_position_embeddings'),
      positions: config.flag('alibi', false)
        ? {
            kind: 'alibi',
            slopes: alibiSlopes(numHeads),
            rounding: { dtype: 'bfloat16', scale: alibiTimes / Math.sqrt(headSize) },
          }
        : readRotary(config, headSize),
      norm: runNorm(config, { kind: 'layernorm', epsilon: config.positive('layer_norm_epsilon', 1e-5) }),
      activation: config.choice('activation', activationNames, 'gelu'),
      // Of hidden_size, also where n_embed takes its place.
      innerSize: config.optionalCount('ffn_hidden_size') ?? 4 * readConfig(raw, where).count('hidden_size', 4544),
      tiedHead: true,
    });
    const bias = config.flag('bias', false);
    return {
      ...decoder,
      attention: {
        ...decoder.attention,
        projection: 'fused_by_group',
        numKeyValueHeads: keyValueHeads(config, numHeads),
        qkvBias: bias,
        outputBias: bias,
      },
      mlp: { ...decoder.mlp, bias },
      ...arrangement(config),
    };
  },
};

function keyValueHeads(config: ConfigReader, numHeads: number): number {
  if (!config.flag('new_decoder_architecture', false)) return config.flag('multi_query', true) ? 1 : numHeads;
  const count = config.optionalCount('num_kv_heads') ?? numHeads;
  if (numHeads % count === 0) return count;
  throw config.wrong(`num_kv_heads is ${count}, expected a divisor of num_attention_heads (${numHeads})`);
}

function arrangement(config: ConfigReader): Pick<DecoderSpec, 'parallel'> {
  if (!config.flag('new_decoder_architecture', false)) {
    return config.flag('parallel_attn', true) ? { parallel: 'shared_norm' } : {};
  }
  config.unsupported('parallel_attn', 'the new architecture has its branches side by side', [true]);
  config.unsupported('num_ln_in_parallel_attn', 'a block has one norm or two', [1, 2]);
  return { parallel: config.optionalCount('num_ln_in_parallel_attn') === 1 ? 'shared_norm' : 'two_norms' };
}
