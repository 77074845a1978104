import { z } from 'zod';
import { activationNames } from './activation.ts';
import { dividedHeadSize, windowsOf } from './attention.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'transformer.wte',
  'embedding.position': 'transformer.wpe',
  'blocks.#.attention.input_norm': 'transformer.h.#.ln_1',
  'blocks.#.attention.query': 'transformer.h.#.attn.attention.q_proj',
  'blocks.#.attention.key': 'transformer.h.#.attn.attention.k_proj',
  'blocks.#.attention.value': 'transformer.h.#.attn.attention.v_proj',
  'blocks.#.attention.output': 'transformer.h.#.attn.attention.out_proj',
  'blocks.#.mlp.input_norm': 'transformer.h.#.ln_2',
  'blocks.#.mlp.up': 'transformer.h.#.mlp.c_fc',
  'blocks.#.mlp.down': 'transformer.h.#.mlp.c_proj',
  final_norm: 'transformer.ln_f',
  head: 'lm_head',
};

/** Kinds of layers, and how often they come one after another. */
const attentionTypes = z.array(z.tuple([z.array(z.enum(['global', 'local'])), z.int().min(1)]));

/** GPT-Neo: GPT-2 with separate linears, scores that aren't scaled, and a window in some layers. */
export const gptNeo: Family = {
  id: 'gpt_neo',
  modelTypes: ['gpt_neo'],
  namePrefix: 'transformer.',
  isBuffer: (name) => /^h\.\d+\.attn\.attention\.(bias|masked_bias)$/.test(name),
  sizeKeys: {
    vocabulary: 'vocab_size',
    positions: 'max_position_embeddings',
    hidden: 'hidden_size',
    inner: 'intermediate_size',
    heads: 'num_heads',
  },
  storage: (spec) => storageOf(spec, partNames),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const hiddenSize = config.count('hidden_size');
    const numLayers = config.layers('num_layers');
    dividedHeadSize(config, 'hidden_size', 'num_heads');
    const positions = { kind: 'learned', count: config.count('max_position_embeddings', 2048) } as const;
    const decoder = gptLike(config, {
      family: 'gpt_neo',
      hiddenSize,
      numLayers,
      numHeads: config.count('num_heads'),
      maxPositions: positions.count,
      positions,
      norm: runNorm(config, { kind: 'layernorm', epsilon: config.positive('layer_norm_epsilon', 1e-5) }),
      activation: config.choice('activation_function', activationNames, 'gelu_new'),
      innerSize: config.optionalCount('intermediate_size') ?? 4 * hiddenSize,
      tiedHead: true,
    });
    const types = attentionTypes.safeParse(raw.attention_types ?? [[['global', 'local'], 12]]);
    const kinds = types.data?.flatMap(([pattern, times]) => Array.from({ length: times }, () => pattern).flat());
    if (kinds === undefined)
      throw config.wrong('attention_types: expected lists of global and local, each with a count');
    if (kinds.length !== numLayers) {
      throw config.wrong(`attention_types gives ${kinds.length} layers, expected num_layers (${numLayers})`);
    }
    const windows = windowsOf(numLayers, config.count('window_size', 256), (layer) => kinds[layer] === 'local');
    const scales = Array.from({ length: numLayers }, () => 1);
    return { ...decoder, attention: { ...decoder.attention, qkvBias: false, scales, ...windows } };
  },
};
