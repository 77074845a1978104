import type { Dim } from '../core/shape.ts';
import {
  add,
  concat,
  constant,
  matmul,
  maximum,
  minimum,
  reshape,
  scale,
  softmax,
  split,
  type Tensor,
  tanh,
  transpose,
} from '../graph/index.ts';
import { type Rotation, rotation, scoreOffsets } from './positions.ts';
import type { AttentionSpec, DecoderSpec } from './spec.ts';
import { applyNorm, linear, type Weights } from './weights.ts';

/** What all layers' attention depends on. */
export interface AttentionContext {
  readonly spec: DecoderSpec;
  readonly weights: Weights;
  readonly batch: Dim;
  readonly sequence: number;
  readonly offsets: (layer: number) => Tensor;
  readonly rotate: Rotation;
}

export function attentionContext(
  spec: DecoderSpec,
  weights: Weights,
  size: { readonly batch: Dim; readonly sequence: number },
): AttentionContext {
  const { batch, sequence } = size;
  const offsets = scoreOffsets(spec, sequence);
  return { spec, weights, batch, sequence, offsets, rotate: rotation(spec, sequence) };
}

/** Causal attention of a layer on `[batch, sequence, streamSize]`; heads that share keys and values are an axis of their own. */
export function attention(context: AttentionContext, layer: number, x: Tensor): Tensor {
  const { spec, weights, batch, sequence } = context;
  const { numHeads, numKeyValueHeads, headSize, scales, scoreCap } = spec.attention;
  const name = `blocks.${layer}.attention`;
  const [query, key, value] = project(context, name, x);
  const heads = (y: Tensor, count: number) => transpose(reshape(y, [batch, sequence, count, headSize]), [0, 2, 1, 3]);
  const normed = (y: Tensor, which: 'query' | 'key', extent: 'head' | 'full') => {
    const { qkNorm } = spec.attention;
    return qkNorm?.extent === extent ? applyNorm(weights, qkNorm.norm, `${name}.${which}_norm`, y) : y;
  };
  const prepare = (y: Tensor, which: 'query' | 'key', count: number) =>
    context.rotate(normed(heads(normed(y, which, 'full'), count), which, 'head'), layer);

  const group = numHeads / numKeyValueHeads;
  const grouped = (y: Tensor, size: number) =>
    group === 1 ? y : reshape(y, [batch, numKeyValueHeads, size, sequence, headSize]);
  const q = grouped(scale(prepare(query, 'query', numHeads), scales[layer] ?? 1 / Math.sqrt(headSize)), group);
  const k = grouped(prepare(key, 'key', numKeyValueHeads), 1);
  const v = grouped(heads(value, numKeyValueHeads), 1);
  const scores = softCap(matmul(q, k, { transposeB: true }), scoreCap);
  const weightsOfKeys = softmax(add(scores, context.offsets(layer)));
  const mixed = reshape(matmul(weightsOfKeys, v), [batch, numHeads, sequence, headSize]);
  return linear(
    weights,
    `${name}.output`,
    reshape(transpose(mixed, [0, 2, 1, 3]), [batch, sequence, numHeads * headSize]),
  );
}

/** cap · tanh(x / cap), or x without a cap. */
export function softCap(x: Tensor, cap: number | undefined): Tensor {
  return cap === undefined ? x : scale(tanh(scale(x, 1 / cap)), cap);
}

/** Queries, keys and values, each `[batch, sequence, heads · headSize]`. */
function project(context: AttentionContext, name: string, x: Tensor): readonly [Tensor, Tensor, Tensor] {
  const { spec, weights } = context;
  const { projection, clip } = spec.attention;
  const clipped = (y: Tensor) => (clip === null ? y : minimum(maximum(y, constant(-clip)), constant(clip)));
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
      const quarter = queries / 4;
      const parts = split(fused, -1, Array(12).fill(quarter));
      const every = (offset: number) =>
        concat(
          parts.filter((_, i) => i % 3 === offset),
          -1,
        );
      return [every(0), every(2), every(1)];
    }
  }
}

function three([first, second, third]: readonly Tensor[]): readonly [Tensor, Tensor, Tensor] {
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('models/attention: a split lost a part');
  return [first, second, third];
}
