import { type Dim, formatShape, type Shape, sameShape, sizeOf } from '../../core/shape.ts';
import { broadcastShapes, broadcastTo } from '../ndarray.ts';
import { applySingle, at, type EmitContext, formatTypes, type Op, type Tensor, type Value } from '../tensor.ts';
import { softmaxRows } from './softmax.ts';

/** Some of the keys that queries attend to. */
export interface AttendSegment<T> {
  /** `[..., count, size]` */
  readonly keys: T;
  /** `[..., count, width]` */
  readonly values: T;
  /** What is added to the scores, −∞ for a key that a query does not see. `[..., rows, count]` */
  readonly offsets: T;
}

export interface AttendAttributes {
  /** The scores s become cap · tanh(s / cap) before the offsets are added; null: they stay. */
  readonly cap: number | null;
}

const attendOp: Op<AttendAttributes> = {
  name: 'attend',
  infer(inputs) {
    const { queries, segments } = partsOf(inputs);
    const [rows, size] = lastTwo(queries.shape);
    const width = lastTwo(at(segments, 0, 'attend').values.shape)[1];
    for (const { keys, values, offsets } of segments) {
      const [count, keySize] = lastTwo(keys.shape);
      const fits =
        keySize === size &&
        sameShape(lastTwo(values.shape), [count, width]) &&
        sameShape(lastTwo(offsets.shape), [rows, count]);
      if (!fits || [queries, keys, values, offsets].some(({ dtype }) => dtype !== 'float')) {
        throw new RangeError(
          'graph/attend: expected queries [rows, size], keys [count, size], values [count, width] and offsets ' +
            `[rows, count], got ${formatTypes([queries, keys, values, offsets])}`,
        );
      }
    }
    const batch = queries.shape.slice(0, -2);
    for (const { shape } of inputs.slice(1)) {
      if (sameShape(broadcastShapes(batch, shape.slice(0, -2), 'attend'), batch)) continue;
      throw new RangeError(
        `graph/attend: ${formatShape(shape)} has more heads than the queries ${formatShape(queries.shape)}`,
      );
    }
    return [{ dtype: 'float', shape: [...batch, rows, width] }];
  },
  evaluate: (inputs, { cap }) => [attendInFloat64(inputs, cap)],
  emit: (context, inputs, { cap }, types) => [
    emitAttend(
      context,
      inputs,
      types.inputs.map(({ shape }) => shape.length),
      cap,
    ),
  ],
};

function partsOf<T>(inputs: readonly T[]): { readonly queries: T; readonly segments: readonly AttendSegment<T>[] } {
  if (inputs.length < 4 || inputs.length % 3 !== 1) {
    throw new RangeError(`graph/attend: expected queries and keys, values, offsets once or more, got ${inputs.length}`);
  }
  const segments = Array.from({ length: (inputs.length - 1) / 3 }, (_, i) => ({
    keys: at(inputs, 3 * i + 1, 'attend'),
    values: at(inputs, 3 * i + 2, 'attend'),
    offsets: at(inputs, 3 * i + 3, 'attend'),
  }));
  return { queries: at(inputs, 0, 'attend'), segments };
}

function lastTwo(shape: Shape): readonly [Dim, Dim] {
  if (shape.length < 2) throw new RangeError(`graph/attend: ${formatShape(shape)} has fewer than two axes`);
  return [at(shape, shape.length - 2, 'attend'), at(shape, shape.length - 1, 'attend')];
}

function attendInFloat64(inputs: readonly Value[], cap: number | null): Value {
  const { queries, segments } = partsOf(inputs);
  const batch = queries.shape.slice(0, -2);
  const heads = sizeOf(batch);
  const rows = Number(lastTwo(queries.shape)[0]);
  const size = Number(lastTwo(queries.shape)[1]);
  const width = Number(lastTwo(at(segments, 0, 'attend').values.shape)[1]);
  const expanded = segments.map(({ keys, values, offsets }) => {
    const own = (x: Value) => broadcastTo(x, [...batch, ...x.shape.slice(-2)]).data;
    return { count: Number(lastTwo(keys.shape)[0]), keys: own(keys), values: own(values), offsets: own(offsets) };
  });
  const total = expanded.reduce((sum, { count }) => sum + count, 0);
  const data = new Float64Array(heads * rows * width);
  const scores = new Float64Array(total);
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < rows; row++) {
      const query = (head * rows + row) * size;
      let first = 0;
      for (const { count, keys, offsets } of expanded) {
        for (let k = 0; k < count; k++) {
          let score = 0;
          for (let i = 0; i < size; i++) {
            score += (queries.data[query + i] as number) * (keys[(head * count + k) * size + i] as number);
          }
          const capped = cap === null ? score : cap * Math.tanh(score / cap);
          scores[first + k] = capped + (offsets[(head * rows + row) * count + k] as number);
        }
        first += count;
      }
      const shares = softmaxRows({ dtype: 'float', shape: [total], data: scores }).data;
      const result = (head * rows + row) * width;
      first = 0;
      for (const { count, values } of expanded) {
        for (let k = 0; k < count; k++) {
          const share = shares[first + k] as number;
          const value = (head * count + k) * width;
          for (let j = 0; j < width; j++) {
            data[result + j] = (data[result + j] as number) + share * (values[value + j] as number);
          }
        }
        first += count;
      }
    }
  }
  return { dtype: 'float', shape: [...batch, rows, width], data };
}

function emitAttend(
  context: EmitContext,
  inputs: readonly string[],
  ranks: readonly number[],
  cap: number | null,
): string {
  const { queries, segments } = partsOf(inputs);
  const add = (op: string, ...factors: string[]) => context.add(op, factors)[0];
  const capped = (scores: string): string => {
    if (cap === null) return scores;
    const limit = context.scalar(cap);
    return add('Mul', add('Tanh', add('Div', scores, limit)), limit);
  };
  const scores = segments.map(({ keys, offsets }, i) => {
    const rank = at(ranks, 3 * i + 1, 'attend');
    const swapped = [...Array(rank - 2).keys(), rank - 1, rank - 2];
    const [turned] = context.add('Transpose', [keys], { perm: swapped });
    return add('Add', capped(add('MatMul', queries, turned)), offsets);
  });
  const shares = (x: string) => context.add('Softmax', [x], { axis: -1 })[0];
  if (segments.length === 1) return add('MatMul', shares(at(scores, 0, 'attend')), at(segments, 0, 'attend').values);
  const counts = segments.map(({ keys }) => context.add('Shape', [keys], { start: -2, end: -1 })[0]);
  const pieces = context.add(
    'Split',
    [shares(context.add('Concat', scores, { axis: -1 })[0]), context.add('Concat', counts, { axis: 0 })[0]],
    { axis: -1 },
    { outputs: segments.length },
  );
  return segments
    .map(({ values }, i) => add('MatMul', at(pieces, i, 'attend'), values))
    .reduce((sum, part) => add('Add', sum, part));
}

export const attendOps = { attend: attendOp };

/**
 * Attention of queries `[..., rows, size]` to keys that lie in several tensors: `[..., rows, width]`.
 *
 * softmax over all segments of (queries keysᵀ + offsets), times the values. The axes before the last two of keys, values
 * and offsets broadcast to those of the queries. It has no gradient: training has all keys in one tensor.
 */
export function attend(
  queries: Tensor,
  segments: readonly AttendSegment<Tensor>[],
  attributes: AttendAttributes = { cap: null },
): Tensor {
  const inputs = segments.flatMap(({ keys, values, offsets }) => [keys, values, offsets]);
  return applySingle(attendOp, [queries, ...inputs], attributes);
}
