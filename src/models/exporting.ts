import {
  add,
  cast,
  concat,
  constant,
  cumulativeSum,
  input,
  lessOrEqual,
  maximum,
  positions,
  reshape,
  type Tensor,
  tail,
  where,
} from '../graph/index.ts';
import { attentionContext, type KeysAndValues } from './attention.ts';
import { block, embed, logitsOf, normedAtTheEnd } from './blocks.ts';
import { cacheSize } from './decoding.ts';
import { scoreOffsets } from './positions.ts';
import type { DecoderSpec } from './spec.ts';
import { type BuildOptions, collectWeights } from './weights.ts';

export interface ExportOptions extends Pick<BuildOptions, 'storage' | 'parameter'> {
  /** The positions that a sequence may have. */
  readonly context: number;
  /** Whether an input says where tokens stand; if not, they are counted by the mask. */
  readonly positionIds: boolean;
}

/** The axes that are known when the graph runs, as Optimum calls them. */
const batch = 'batch_size';
const sequence = 'sequence_length';
const past = 'past_sequence_length';
const total = `${past} + ${sequence}`;

/** The graph of a decoder with a key-value cache as programs that generate text expect it. */
export interface ExportGraph {
  /** `input_ids`, `attention_mask`, `position_ids` where it is asked for, `past_key_values.0.key`, `….value`, and so on. */
  readonly inputs: readonly Tensor[];
  /** `logits` `[batch_size, sequence_length, vocabularySize]`, `present.0.key`, `present.0.value`, and so on. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/**
 * Builds the graph of a decoder that goes on from what it was given as a cache: a batch of sequences, of which a mask says
 * what is padding.
 *
 * Nothing sees padding but itself, which it does lest its row be empty. Keys and values of the cache stand before those of
 * the tokens that are computed, and are given back with these: `[batch_size, keyValueHeads, positions, size]`. Windows and
 * ALiBi's distances count places in the batch, so that padding may stand before a sequence or after it, not inside.
 */
export function buildExport(spec: DecoderSpec, options: ExportOptions): ExportGraph {
  const { context } = options;
  const weights = collectWeights(spec, options);
  const inputIds = input('input_ids', 'int', [batch, sequence]);
  const mask = input('attention_mask', 'int', [batch, total]);
  const counted = maximum(add(cumulativeSum(mask), constant(-1, [], 'int')), constant(0, [], 'int'));
  const ids = options.positionIds ? input('position_ids', 'int', [batch, sequence]) : tail(counted, inputIds, 1);
  const own = { kind: 'given', ids, context } as const;
  const offsets = maskedOffsets(spec, { inputIds, mask, counted, context });
  const inputs = [inputIds, mask, ...(options.positionIds ? [ids] : [])];
  const outputs: Record<string, Tensor> = {};
  const size = cacheSize(spec);
  const attentionOf = attentionContext(spec, weights, {
    batch,
    positions: own,
    cache: (layer, entry) => {
      const earlier = (name: string, width: number) => {
        const tensor = input(`past_key_values.${layer}.${name}`, 'float', [batch, size.heads, past, width]);
        inputs.push(tensor);
        return tensor;
      };
      const all: KeysAndValues = {
        keys: concat([earlier('key', size.keys), entry.keys], 2),
        values: concat([earlier('value', size.values), entry.values], 2),
      };
      outputs[`present.${layer}.key`] = all.keys;
      outputs[`present.${layer}.value`] = all.values;
      return [{ ...all, offsets: offsets(layer) }];
    },
  });
  let x = embed(spec, weights, inputIds, own);
  for (let layer = 0; layer < spec.numLayers; layer++) x = block(attentionOf, layer, x);
  const logits = logitsOf(spec, weights, normedAtTheEnd(spec, weights, x));
  return { inputs, outputs: { logits, ...outputs } };
}

/** What is added to a layer's scores `[batch, heads …, sequence, total]`: −∞ also for padding, unless it looks at itself. */
function maskedOffsets(
  spec: DecoderSpec,
  {
    inputIds,
    mask,
    counted,
    context,
  }: Readonly<Record<'inputIds' | 'mask' | 'counted', Tensor>> & { readonly context: number },
): (layer: number) => Tensor {
  const keys = positions(mask, 1);
  const queries = tail(keys, inputIds, 1);
  const places = (ids: Tensor) => ({ kind: 'given', ids, context }) as const;
  const ofLayer = scoreOffsets(spec, places(queries), places(keys), places(counted));
  const heads = spec.attention.numHeads === spec.attention.numKeyValueHeads ? [1] : [1, 1];
  const isOther = lessOrEqual(reshape(keys, [1, total]), add(reshape(queries, [sequence, 1]), constant(-1, [], 'int')));
  const ofPadding = where(isOther, constant(Number.NEGATIVE_INFINITY), constant(0));
  const isToken = reshape(cast(mask, 'bool'), [batch, ...heads, 1, total]);
  const unlessPadding = where(isToken, constant(0), ofPadding);
  const made = new Map<Tensor, Tensor>();
  return (layer) => {
    const offsets = ofLayer(layer);
    const known = made.get(offsets) ?? add(offsets, unlessPadding);
    made.set(offsets, known);
    return known;
  };
}
