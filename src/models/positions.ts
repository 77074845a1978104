import { roundTo } from '../core/rounding.ts';
import type { Dim } from '../core/shape.ts';
import {
  add,
  cast,
  concat,
  constant,
  gather,
  lessOrEqual,
  mul,
  neg,
  reshape,
  slice,
  split,
  sub,
  type Tensor,
  transpose,
  where,
} from '../graph/index.ts';
import { attentionFactorOf, rotaryFrequencies } from './frequencies.ts';
import type { AlibiPositions, AttentionSpec, DecoderSpec, RotaryPositions, SinusoidalPositions } from './spec.ts';

/**
 * Where the tokens of a sequence stand: at 0, 1, … when their number is known, else where `ids` says, int `[sequence]` or,
 * where sequences differ, `[batch, sequence]`. These are below `context`; keys at `context` itself are slots of a cache that
 * hold nothing.
 */
export type Positions =
  | { readonly kind: 'counted'; readonly length: number }
  | { readonly kind: 'given'; readonly ids: Tensor; readonly context: number };

export function lengthOf(positions: Positions): Dim {
  if (positions.kind === 'counted') return positions.length;
  const length = positions.ids.shape.at(-1);
  if (length === undefined) throw new RangeError('models/positions: the positions have no axis');
  return length;
}

/** A row for each token, a function of its position: `[sequence, width]`, or `[batch, sequence, width]`. */
function rowsAt(positions: Positions, width: number, entry: (position: number, i: number) => number): Tensor {
  const table = (rows: number) =>
    constant(
      Float64Array.from({ length: rows * width }, (_, i) => entry(Math.floor(i / width), i % width)),
      [rows, width],
    );
  return positions.kind === 'counted' ? table(positions.length) : gather(table(positions.context + 1), positions.ids);
}

/** Such rows beside `[batch, heads, sequence, width]`. */
function besideHeads(rows: Tensor): Tensor {
  const [batch, ...rest] = rows.shape;
  return rest.length < 2 || batch === undefined ? rows : reshape(rows, [batch, 1, ...rest]);
}

/** The rows of a table of learned positions for each token, `[sequence, width]` or `[batch, sequence, width]`; the first position's is row `offset`. */
export function learnedRows(positions: Positions, table: Tensor, offset: number): Tensor {
  return positions.kind === 'counted'
    ? slice(table, 0, offset, offset + positions.length)
    : gather(table, offset === 0 ? positions.ids : add(positions.ids, constant(offset, [], 'int')));
}

/** The computed vector of each token's position, `[sequence, width]` or `[batch, sequence, width]`. */
export function sinusoids({ offset = 0, blank }: SinusoidalPositions, positions: Positions, width: number): Tensor {
  const half = Math.floor(width / 2);
  return rowsAt(positions, width, (position, i) => {
    if (position === blank || i >= 2 * half) return 0;
    const angle = (position + offset) * 10_000 ** (-(i % half) / (half - 1));
    return i < half ? Math.sin(angle) : Math.cos(angle);
  });
}

/** Rotates queries or keys `[batch, heads, sequence, headSize]` of a layer by their positions. */
export type Rotation = (x: Tensor, layer: number) => Tensor;

/** The rotation of a decoder's queries and keys; without rotary positions they stay as they are. */
export function rotation({ positions: spec, attention: { headSize } }: DecoderSpec, positions: Positions): Rotation {
  if (spec.kind !== 'rotary') return (x) => x;
  const size = spec.size ?? headSize;
  const everywhere = turnBy(spec, size, positions);
  const { local } = spec;
  const locally =
    local === undefined ? everywhere : turnBy({ ...spec, base: local.base, scaling: undefined }, size, positions);
  return (x, layer) => {
    if (spec.layers?.[layer] === false) return x;
    const rotate = local?.layers[layer] === true ? locally : everywhere;
    if (size === headSize) return rotate(x);
    return concat([rotate(slice(x, -1, 0, size)), slice(x, -1, size, headSize)], -1);
  };
}

/** What the queries `[batch, heads, sequence, size]` are multiplied by at each position; undefined where that is 1. */
export function queryFactors({ attention }: DecoderSpec, positions: Positions): Tensor | undefined {
  const { logScaledFrom: first } = attention;
  if (first === undefined || longest(positions) <= first) return undefined;
  return besideHeads(
    rowsAt(positions, 1, (position) => (position < first ? 1 : Math.log(position + 1) / Math.log(first))),
  );
}

function longest(positions: Positions): number {
  return positions.kind === 'counted' ? positions.length : positions.context;
}

/** Rotates all of `size` coordinates. Where positions are given, sequences count as long as they may become. */
function turnBy(spec: RotaryPositions, size: number, positions: Positions): (x: Tensor) => Tensor {
  const frequencies = rotaryFrequencies(spec, size, longest(positions));
  const factor = attentionFactorOf(spec.scaling);
  const pairOf = (i: number) => (spec.interleaved ? Math.floor(i / 2) : i % (size / 2));
  const table = (f: (angle: number) => number) =>
    besideHeads(
      rowsAt(positions, size, (position, i) => factor * f(position * (frequencies[pairOf(i)] ?? Number.NaN))),
    );
  const cosines = table(Math.cos);
  const sines = table(Math.sin);
  const turn = spec.interleaved ? turnNeighbours : turnHalves;
  return (x) => add(mul(x, cosines), mul(turn(x, size), sines));
}

/** (a, b) becomes (−b, a) for the first and the second half of the last axis. */
function turnHalves(x: Tensor, size: number): Tensor {
  const [first, second] = split(x, -1, [size / 2, size / 2]);
  if (first === undefined || second === undefined) throw new Error('models/positions: a split lost a part');
  return concat([neg(second), first], -1);
}

/** (a, b) becomes (−b, a) for every two neighbours on the last axis. */
function turnNeighbours(x: Tensor, size: number): Tensor {
  const [first, second] = split(reshape(x, [...x.shape.slice(0, -1), size / 2, 2]), -1, [1, 1]);
  if (first === undefined || second === undefined) throw new Error('models/positions: a split lost a part');
  return reshape(concat([neg(second), first], -1), x.shape);
}

/**
 * What is added to the scores of a layer, `[queries, keys]` or, where heads differ, `[heads, queries, keys]`, with the heads
 * that share a key on an axis of their own. Where sequences differ, as `standing` says of the keys, where each stands in its
 * own sequence, that may be an axis before them; `keys` then is where they stand in the batch.
 */
export function scoreOffsets(
  { positions: spec, attention }: DecoderSpec,
  queries: Positions,
  keys: Positions = queries,
  standing: Positions = keys,
): (layer: number) => Tensor {
  const alibi = spec.kind === 'alibi' ? spec : undefined;
  const made = new Map<number | null, Tensor>();
  return (layer) => {
    const window = attention.windows?.[layer] ?? null;
    const offsets =
      made.get(window) ??
      (queries.kind === 'counted' && keys.kind === 'counted'
        ? countedOffsets(queries.length, window, alibi, attention)
        : givenOffsets({ queries, keys, standing }, window, alibi, attention));
    made.set(window, offsets);
    return offsets;
  };
}

/** −∞ for a key that comes later than the query or before its window, else minus the head's slope · distance. */
function countedOffsets(
  sequence: number,
  window: number | null,
  alibi: AlibiPositions | undefined,
  attention: AttentionSpec,
): Tensor {
  const slopes = alibi?.slopes ?? [0];
  const data = Float64Array.from({ length: slopes.length * sequence * sequence }, (_, i) => {
    const slope = slopes[Math.floor(i / sequence ** 2)] ?? Number.NaN;
    const [query, key] = [Math.floor(i / sequence) % sequence, i % sequence];
    const seen = key <= query && (window === null || query - key < window);
    if (!seen) return Number.NEGATIVE_INFINITY;
    return alibi?.rounding === undefined ? 0 - slope * (query - key) : roundedOffset(alibi.rounding, slope, key);
  });
  if (alibi === undefined) return constant(data, [sequence, sequence]);
  return constant(data, [...headAxes(attention), sequence, sequence]);
}

/** The same where the positions are given when the graph runs. */
function givenOffsets(
  { queries, keys, standing }: Readonly<Record<'queries' | 'keys' | 'standing', Positions>>,
  window: number | null,
  alibi: AlibiPositions | undefined,
  attention: AttentionSpec,
): Tensor {
  const query = reshape(idsOf(queries), [lengthOf(queries), 1]);
  const key = reshape(idsOf(keys), [1, lengthOf(keys)]);
  const hidden = constant(Number.NEGATIVE_INFINITY);
  const unlessEarlier = (x: Tensor) =>
    window === null ? x : where(lessOrEqual(query, add(key, constant(window - 1, [], 'int'))), x, hidden);
  const unlessHidden = (x: Tensor) => where(lessOrEqual(key, query), unlessEarlier(x), hidden);
  if (alibi === undefined) return unlessHidden(constant(0));
  const { slopes, rounding } = alibi;
  const axes = headAxes(attention);
  if (rounding !== undefined) {
    const ofKeys = rowsAt(standing, slopes.length, (position, head) =>
      roundedOffset(rounding, slopes[head] ?? Number.NaN, position),
    );
    const batch = ofKeys.shape.slice(0, -2);
    const byHead = transpose(ofKeys, batch.length === 0 ? [1, 0] : [0, 2, 1]);
    return unlessHidden(reshape(byHead, [...batch, ...axes, 1, lengthOf(keys)]));
  }
  return unlessHidden(mul(constant(slopes, [...axes, 1, 1]), cast(sub(key, query), 'float')));
}

function idsOf(positions: Positions): Tensor {
  if (positions.kind === 'given') return positions.ids;
  return constant(
    Float64Array.from({ length: positions.length }, (_, i) => i),
    [positions.length],
    'int',
  );
}

function roundedOffset(rounding: NonNullable<AlibiPositions['rounding']>, slope: number, key: number): number {
  return rounding.scale * roundTo(roundTo(slope, rounding.dtype) * key, rounding.dtype);
}

function headAxes({ numHeads, numKeyValueHeads }: AttentionSpec): readonly number[] {
  const group = numHeads / numKeyValueHeads;
  return group === 1 ? [numHeads] : [numKeyValueHeads, group];
}
