import { roundTo } from '../core/rounding.ts';
import { add, concat, constant, mul, neg, reshape, slice, split, type Tensor } from '../graph/index.ts';
import type { AlibiPositions, AttentionSpec, DecoderSpec, RotaryPositions } from './spec.ts';

/** Rotates queries or keys `[batch, heads, sequence, headSize]` of a layer by their positions. */
export type Rotation = (x: Tensor, layer: number) => Tensor;

/** The rotation of a decoder's queries and keys; without rotary positions they stay as they are. */
export function rotation({ positions, attention: { headSize } }: DecoderSpec, sequence: number): Rotation {
  if (positions.kind !== 'rotary') return (x) => x;
  const size = positions.size ?? headSize;
  const frequencies = rotaryFrequencies(positions, size);
  const pairOf = (i: number) => (positions.interleaved ? Math.floor(i / 2) : i % (size / 2));
  const table = (f: (angle: number) => number) => {
    const angleAt = (i: number) => Math.floor(i / size) * (frequencies[pairOf(i % size)] ?? Number.NaN);
    return constant(
      Float64Array.from({ length: sequence * size }, (_, i) => f(angleAt(i))),
      [sequence, size],
    );
  };
  const cosines = table(Math.cos);
  const sines = table(Math.sin);
  const turn = positions.interleaved ? turnNeighbours : turnHalves;
  const rotate = (x: Tensor) => add(mul(x, cosines), mul(turn(x, size), sines));
  return (x, layer) => {
    if (positions.layers?.[layer] === false) return x;
    if (size === headSize) return rotate(x);
    return concat([rotate(slice(x, -1, 0, size)), slice(x, -1, size, headSize)], -1);
  };
}

/** The angle by which each pair of coordinates turns from one position to the next. */
export function rotaryFrequencies({ base, scaling }: RotaryPositions, size: number): readonly number[] {
  const frequencies = Array.from({ length: size / 2 }, (_, i) => base ** ((-2 * i) / size));
  if (scaling === undefined) return frequencies;
  const { factor } = scaling;
  if (scaling.kind === 'linear') return frequencies.map((frequency) => frequency / factor);
  const { lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = scaling;
  return frequencies.map((frequency) => {
    const turns = (originalPositions * frequency) / (2 * Math.PI);
    if (turns > high) return frequency;
    if (turns < low) return frequency / factor;
    const kept = (turns - low) / (high - low);
    return (1 - kept) * (frequency / factor) + kept * frequency;
  });
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

/** What is added to the scores of a layer, `[sequence, sequence]` or, where heads differ, `[heads, sequence, sequence]`. */
export function scoreOffsets({ positions, attention }: DecoderSpec, sequence: number): (layer: number) => Tensor {
  const alibi = positions.kind === 'alibi' ? positions : ({ kind: 'alibi', slopes: [0] } as const);
  const made = new Map<number | null, Tensor>();
  return (layer) => {
    const window = attention.windows?.[layer] ?? null;
    const offsets = made.get(window) ?? offsetsOf(sequence, window, alibi, attention);
    made.set(window, offsets);
    return offsets;
  };
}

/** −∞ for a key that comes later than the query or before its window, else minus the head's slope · distance. */
function offsetsOf(
  sequence: number,
  window: number | null,
  { slopes, rounding }: AlibiPositions,
  { numHeads, numKeyValueHeads }: AttentionSpec,
): Tensor {
  const offset = (slope: number, query: number, key: number) =>
    rounding === undefined
      ? 0 - slope * (query - key)
      : rounding.scale * roundTo(roundTo(slope, rounding.dtype) * key, rounding.dtype);
  const data = Float64Array.from({ length: slopes.length * sequence * sequence }, (_, i) => {
    const slope = slopes[Math.floor(i / sequence ** 2)] ?? Number.NaN;
    const [query, key] = [Math.floor(i / sequence) % sequence, i % sequence];
    const seen = key <= query && (window === null || query - key < window);
    return seen ? offset(slope, query, key) : Number.NEGATIVE_INFINITY;
  });
  if (slopes.length === 1) return constant(data, [sequence, sequence]);
  const group = numHeads / numKeyValueHeads;
  return constant(data, group === 1 ? [numHeads, sequence, sequence] : [numKeyValueHeads, group, sequence, sequence]);
}
