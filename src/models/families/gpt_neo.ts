import { z } from 'zod';
import { activationNames } from './activation.ts';
import { dividedHeadSize, windowsOf } from './attention.ts';
import { type ConfigOptions, type ConfigReader, readConfig } from './config.ts';
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

const options = {
  defaults: {
    vocab_size: 50_257,
    max_position_embeddings: 2048,
    hidden_size: 2048,
    num_layers: 24,
    num_heads: 16,
    attention_types: [[['global', 'local'], 12]],
  },
  aliases: { num_heads: 'num_attention_heads', num_layers: 'num_hidden_layers' },
} satisfies ConfigOptions;

/** Kinds of layers, and how often they come one after another. */
const typesSchema = z.array(z.tuple([z.array(z.enum(['global', 'local'])).min(1), z.int().min(1)]));

/** Whether a layer of a kind sees a window. */
const isLocal = { global: false, local: true };

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
    const config = readConfig(raw, where, options);
    const hiddenSize = config.count('hidden_size');
    const numLayers = config.layers('num_layers');
    dividedHeadSize(config, 'hidden_size', 'num_heads');
    const positions = { kind: 'learned', count: config.count('max_position_embeddings') } as const;
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
    const locals = localLayers(config, numLayers, raw.attention_types ?? options.defaults.attention_types);
    const windows = windowsOf(numLayers, config.count('window_size', 256), (layer) => locals[layer] === true);
    const scales = Array.from({ length: numLayers }, () => 1);
    return { ...decoder, attention: { ...decoder.attention, qkvBias: false, scales, ...windows } };
  },
};

/** Which layers see a window: as `attention_layers` lists, which saved configs hold beside `attention_types`, else as the latter says. */
function localLayers(config: ConfigReader, numLayers: number, attentionTypes: unknown): readonly boolean[] {
  const expected = `expected ${config.nameOf('num_layers')} (${numLayers})`;
  const listed = config.optionalNames('attention_layers');
  if (listed !== null && listed.length !== numLayers) {
    throw config.wrong(`attention_layers has ${listed.length} entries, ${expected}`);
  }
  if (listed !== null) return listed.map((kind) => config.known('attention_layers', kind, isLocal));
  const types = typesSchema.safeParse(attentionTypes).data;
  if (types === undefined) {
    throw config.wrong('attention_types: expected lists of global and local, each with a count');
  }
  const total = types.reduce((sum, [pattern, times]) => sum + pattern.length * times, 0);
  if (total !== numLayers) throw config.wrong(`attention_types gives ${total} layers, ${expected}`);
  return types.flatMap(([pattern, times]) =>
    Array(times)
      .fill(pattern.map((kind) => isLocal[kind]))
      .flat(),
  );
}
