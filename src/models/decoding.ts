import { gather, input, reshape, type Tensor } from '../graph/index.ts';
import { attentionContext, type KeysAndValues } from './attention.ts';
import { block, embed, logitsOf, normedAtTheEnd } from './blocks.ts';
import { scoreOffsets } from './positions.ts';
import type { DecoderSpec } from './spec.ts';
import { type BuildOptions, collectWeights } from './weights.ts';

export interface DecodingOptions extends Pick<BuildOptions, 'storage' | 'parameter'> {
  /** The positions that a sequence may have. */
  readonly context: number;
}

/** The graph of a decoder with a key-value cache, for one sequence of which some tokens after the cached ones are computed. */
export interface DecodingGraph {
  /** int `[1, sequence]`, named `input_ids` */
  readonly inputIds: Tensor;
  /** Where these tokens stand, int `[sequence]`, named `positions` */
  readonly positions: Tensor;
  /** Where those of the cache stand, int `[capacity]`, named `cache_positions`; `context` for a slot that holds nothing */
  readonly cachePositions: Tensor;
  /** Which of the tokens' logits are wanted, int `[selected]`, named `selection` */
  readonly selection: Tensor;
  /** The cache of each layer, named `cache.0.keys` …: `[1, keyValueHeads, capacity, size]` */
  readonly cache: readonly KeysAndValues[];
  /** `[selected, vocabularySize]` */
  readonly logits: Tensor;
  /** The keys and values of each layer that go into the cache: `[1, keyValueHeads, sequence, size]` */
  readonly entries: readonly KeysAndValues[];
  /** The parameters under the names and in the layout in which they are stored. */
  readonly parameters: ReadonlyMap<string, Tensor>;
}

/** Builds the graph of a decoder that goes on from a key-value cache. One graph serves the prompt and every later token. */
export function buildDecoding(spec: DecoderSpec, options: DecodingOptions): DecodingGraph {
  const { context } = options;
  const weights = collectWeights(spec, options);
  const inputIds = input('input_ids', 'int', [1, 'sequence']);
  const positions = input('positions', 'int', ['sequence']);
  const cachePositions = input('cache_positions', 'int', ['capacity']);
  const selection = input('selection', 'int', ['selected']);
  const own = { kind: 'given', ids: positions, context } as const;
  const earlier = { kind: 'given', ids: cachePositions, context } as const;
  const cache: KeysAndValues[] = [];
  const entries: KeysAndValues[] = [];
  const size = cacheSize(spec);
  const offsetsOfEarlier = scoreOffsets(spec, own, earlier);
  const offsetsOfOwn = scoreOffsets(spec, own);
  const attentionOf = attentionContext(spec, weights, {
    batch: 1,
    positions: own,
    cache: (layer, entry) => {
      const slots = (name: string, width: number) =>
        input(`cache.${layer}.${name}`, 'float', [1, size.heads, 'capacity', width]);
      const kept = { keys: slots('keys', size.keys), values: slots('values', size.values) };
      cache.push(kept);
      entries.push(entry);
      return [
        { ...kept, offsets: offsetsOfEarlier(layer) },
        { ...entry, offsets: offsetsOfOwn(layer) },
      ];
    },
  });
  let x = embed(spec, weights, inputIds, own);
  for (let layer = 0; layer < spec.numLayers; layer++) x = block(attentionOf, layer, x);
  const wanted = gather(reshape(x, ['sequence', spec.streamSize]), selection);
  const logits = logitsOf(spec, weights, normedAtTheEnd(spec, weights, wanted));
  return { inputIds, positions, cachePositions, selection, cache, logits, entries, parameters: weights.stored };
}

/** The shape of what a layer keeps of each token. */
export function cacheSize({ attention }: DecoderSpec): {
  readonly heads: number;
  readonly keys: number;
  readonly values: number;
} {
  const { numKeyValueHeads: heads, headSize, latent } = attention;
  return { heads, keys: headSize, values: latent?.valueSize ?? headSize };
}
