import type { DecoderSpec } from '../spec.ts';
import type { Storage, StoredAs } from '../weights.ts';
import { readHeadSize, readRotary, readWindowedLayers, windowsOf } from './attention.ts';
import { type ConfigOptions, type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { runNorm, runQkNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  ...llamaNames,
  'blocks.#.attention.query_norm.heads.#': 'model.layers.#.self_attn.q_norm',
  'blocks.#.attention.key_norm.heads.#': 'model.layers.#.self_attn.k_norm',
};

const options = {
  defaults: {
    vocab_size: 256_000,
    hidden_size: 8192,
    intermediate_size: 22_528,
    num_hidden_layers: 40,
    num_attention_heads: 64,
  },
} satisfies ConfigOptions;

/** Command R: Llama's layout with both branches side by side, one LayerNorm without bias, and scaled logits. */
export const cohere: Family = {
  id: 'cohere',
  modelTypes: ['cohere'],
  ...llamaLayout,
  storage,
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    const isNormed = config.flag('use_qk_norm', false);
    const decoder = parse(config, 'cohere', isNormed);
    if (!isNormed) return decoder;
    const norm = runQkNorm(config, { kind: 'layernorm-nobias', epsilon: decoder.norm.epsilon });
    return { ...decoder, attention: { ...decoder.attention, qkNorm: { norm, extent: 'each_head' } } };
  },
};

/** Command R7B and A: Command R with a window in most layers; the others don't rotate. */
export const cohere2: Family = {
  ...cohere,
  id: 'cohere2',
  modelTypes: ['cohere2'],
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    const decoder = parse(config, 'cohere2');
    const { numLayers, positions } = decoder;
    const pattern = config.count('sliding_window_pattern', 4);
    const isWindowed = readWindowedLayers(config, numLayers, (layer) => (layer + 1) % pattern !== 0);
    const window = config.nullableCount('sliding_window', 4096);
    const layers = Array.from({ length: numLayers }, (_, layer) => window !== null && isWindowed(layer));
    return {
      ...decoder,
      positions: positions.kind === 'rotary' ? { ...positions, layers } : positions,
      attention: { ...decoder.attention, ...windowsOf(numLayers, window, isWindowed) },
    };
  },
};

/** The weights of all heads' norms are the rows of one tensor. */
function storage(spec: DecoderSpec): Storage {
  const { numHeads, numKeyValueHeads, headSize } = spec.attention;
  return new Map(
    [...storageOf(spec, partNames)].map(([name, place]): [string, StoredAs] => {
      const [, which, head] = /\.(query|key)_norm\.heads\.(\d+)\./.exec(name) ?? [];
      if (head === undefined) return [name, place];
      const shape = [which === 'query' ? numHeads : numKeyValueHeads, headSize];
      return [name, { ...place, within: { shape, row: Number(head), rows: 1 } }];
    }),
  );
}

const maxPositions = 8192;

function parse(config: ConfigReader, family: string, hasQkNorms = false): DecoderSpec {
  const headSize = readHeadSize(config);
  const decoder = readLlamaLike(config, family, {
    norm: runNorm(
      config,
      { kind: 'layernorm-nobias', epsilon: config.positive('layer_norm_eps', 1e-5) },
      { hasQkNorms },
    ),
    headSize,
    positions: {
      ...readRotary(config, headSize, undefined, undefined, { positions: maxPositions }),
      interleaved: true,
    },
    maxPositions,
    tiedHead: true,
  });
  return { ...decoder, parallel: 'shared_norm', logitScale: config.positive('logit_scale', 0.0625) };
}
