import type { Dim } from '../core/shape.ts';
import {
  type AttendSegment,
  add,
  attend,
  constant,
  matmul,
  maximum,
  minimum,
  mul,
  reshape,
  scale,
  softmax,
  split,
  type Tensor,
  tanh,
  transpose,
} from '../graph/index.ts';
import { latentHeads } from './latent.ts';
import { lengthOf, type Positions, queryFactors, type Rotation, rotation, scoreOffsets } from './positions.ts';
import type { AttentionSpec, DecoderSpec } from './spec.ts';
import { applyHeadNorms, applyNorm, linear, type Weights } from './weights.ts';

/** Keys and values of a layer, `[batch, keyValueHeads, positions, size]`. */
export interface KeysAndValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Gives all that a layer's queries attend to, and is told the keys and values of the tokens that are computed now. */
export type Cache = (layer: number, own: KeysAndValues) => readonly AttendSegment<Tensor>[];

/** What all layers' attention depends on. */
export interface AttentionContext {
  readonly spec: DecoderSpec;
  readonly weights: Weights;
  readonly batch: Dim;
  readonly sequence: Dim;
  readonly offsets: (layer: number) => Tensor;
  readonly rotate: Rotation;
  readonly queryFactors: Tensor | undefined;
  readonly cache: Cache | undefined;
}

export function attentionContext(
  spec: DecoderSpec,
  weights: Weights,
  size: { readonly batch: Dim; readonly positions: Positions; readonly cache?: Cache },
): AttentionContext {
  const { batch, positions, cache } = size;
  return {
    spec,
    weights,
    batch,
    sequence: lengthOf(positions),
    offsets: scoreOffsets(spec, positions),
    rotate: rotation(spec, positions),
    queryFactors: queryFactors(spec, positions),
    cache,
  };
}

/** Causal attention of a layer on `[batch, sequence, streamSize]`. */
export function attention(context: AttentionContext, layer: number, x: Tensor): Tensor {
  const { spec, weights } = context;
  const { scales, headSize, latent } = spec.attention;
  const name = `blocks.${layer}.attention`;
  const { queries, keys, values } =
    latent === undefined ? headsOf(context, layer, name, x) : latentHeads(context, latent, layer, name, x);
  const { queryFactors: factors } = context;
  const scaled = scale(
    factors === undefined ? queries : mul(queries, factors),
    scales[layer] ?? 1 / Math.sqrt(headSize),
  );
  const mixed = attendTo(context, layer, scaled, { keys, values });
  return linear(weights, `${name}.output`, mixed);
}

/** Queries, keys and values, each `[batch, heads, sequence, size]`, rotated where the decoder rotates. */
export interface Heads extends KeysAndValues {
  readonly queries: Tensor;
}

function headsOf(context: AttentionContext, layer: number, name: string, x: Tensor): Heads {
  const { spec, weights, batch, sequence } = context;
  const { numHeads, numKeyValueHeads, headSize, clip, clipsNormed } = spec.attention;
  const clipped = (y: Tensor) => (clipsNormed ? cut(y, clip) : y);
  const [query, key, value] = project(context, name, x);
  const heads = (y: Tensor, count: number) => transpose(reshape(y, [batch, sequence, count, headSize]), [0, 2, 1, 3]);
  const normed = (y: Tensor, which: 'query' | 'key', extent: 'head' | 'full') => {
    const { qkNorm } = spec.attention;
    return qkNorm?.extent === extent ? applyNorm(weights, qkNorm.norm, `${name}.${which}_norm`, y) : y;
  };
  const normedHeads = (y: Tensor, which: 'query' | 'key', count: number) => {
    const { qkNorm } = spec.attention;
    return qkNorm?.extent === 'each_head'
      ? applyHeadNorms(weights, qkNorm.norm, `${name}.${which}_norm`, y, count)
      : normed(y, which, 'head');
  };
  const prepare = (y: Tensor, which: 'query' | 'key', count: number) =>
    context.rotate(normedHeads(heads(clipped(normed(y, which, 'full')), count), which, count), layer);
  return {
    queries: prepare(query, 'query', numHeads),
    keys: prepare(key, 'key', numKeyValueHeads),
    values: heads(clipped(value), numKeyValueHeads),
  };
}

function cut(x: Tensor, clip: number | null): Tensor {
  return clip === null ? x : minimum(maximum(x, constant(-clip)), constant(clip));
}

/**
 * The values that scaled queries `[batch, heads, sequence, size]` attend to: `[batch, sequence, heads · value size]`. Heads
 * that share keys and values are an axis of their own.
 */
export function attendTo(context: AttentionContext, layer: number, queries: Tensor, own: KeysAndValues): Tensor {
  const { spec, batch, sequence, cache } = context;
  const { numHeads, numKeyValueHeads, scoreCap } = spec.attention;
  const group = numHeads / numKeyValueHeads;
  const grouped = (y: Tensor, size: number) =>
    group === 1 ? y : reshape(y, [batch, numKeyValueHeads, size, ...y.shape.slice(2)]);
  const together = ({ keys, values }: KeysAndValues) => ({ keys: grouped(keys, 1), values: grouped(values, 1) });
  const width = own.values.shape[3] ?? 0;
  const q = grouped(queries, group);
  let mixed: Tensor;
  if (cache === undefined) {
    const { keys, values } = together(own);
    const offsets = context.offsets(layer);
    mixed = matmul(softmax(add(softCap(matmul(q, keys, { transposeB: true }), scoreCap), offsets)), values);
  } else {
    const segments = cache(layer, own).map((segment) => ({ ...segment, ...together(segment) }));
    mixed = attend(q, segments, { cap: scoreCap ?? null });
  }
  const apart = transpose(reshape(mixed, [batch, numHeads, sequence, width]), [0, 2, 1, 3]);
  return reshape(apart, [batch, sequence, numHeads * Number(width)]);
}

/** cap · tanh(x / cap), or x without a cap. */
export function softCap(x: Tensor, cap: number | undefined): Tensor {
  return cap === undefined ? x : scale(tanh(scale(x, 1 / cap)), cap);
}

/** Queries, keys and values, each `[batch, sequence, heads · headSize]`. */
function project(context: AttentionContext, name: string, x: Tensor): readonly [Tensor, Tensor, Tensor] {
  const { spec, weights } = context;
  const { projection, clip, clipsNormed } = spec.attention;
  const clipped = (y: Tensor) => (clipsNormed ? y : cut(y, clip));
  if (projection === 'separate') {
    const separate = (part: string) => clipped(linear(weights, `${name}.${part}`, x));
    return [separate('query'), separate('key'), separate('value')];
  }
  return taken(context, projection, clipped(linear(weights, `${name}.qkv`, x)));
}

function taken(
  { spec, batch, sequence }: AttentionContext,
  projection: Exclude<AttentionSpec['projection'], 'separate'>,
  fused: Tensor,
): readonly [Tensor, Tensor, Tensor] {
  const { numHeads, numKeyValueHeads, headSize } = spec.attention;
  const [queries, keys] = [numHeads * headSize, numKeyValueHeads * headSize];
  switch (projection) {
    case 'fused':
      return three(split(fused, -1, [queries, keys, keys]));
    case 'fused_by_group': {
      const group = numHeads / numKeyValueHeads;
      const grouped = reshape(fused, [batch, sequence, numKeyValueHeads, group + 2, headSize]);
      const [query, key, value] = three(split(grouped, 3, [group, 1, 1]));
      const flat = (y: Tensor, size: number) => reshape(y, [batch, sequence, size]);
      return [flat(query, queries), flat(key, keys), flat(value, keys)];
    }
    case 'fused_in_quarters': {
      const quarters = reshape(fused, [batch, sequence, 4, 3 * (queries / 4)]);
      const [query, value, key] = three(split(quarters, 3, Array(3).fill(queries / 4)));
      const flat = (y: Tensor) => reshape(y, [batch, sequence, queries]);
      return [flat(query), flat(key), flat(value)];
    }
  }
}

function three([first, second, third]: readonly Tensor[]): readonly [Tensor, Tensor, Tensor] {
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('models/attention: a split lost a part');
  return [first, second, third];
}
