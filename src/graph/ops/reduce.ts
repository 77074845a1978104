import { type Shape, sameShape } from '../../core/shape.ts';
import { broadcastTo as broadcastValue, resolveShape, sumAxes } from '../ndarray.ts';
import { applySingle, at, constant, normalizeAxis, type Op, type Tensor } from '../tensor.ts';
import { scale } from './elementwise.ts';
import { reshape } from './layout.ts';

interface SumAttributes {
  /** Sorted, not negative. */
  readonly axes: readonly number[];
}

const sumOp: Op<SumAttributes> = {
  name: 'sum',
  infer([x], { axes }) {
    if (x === undefined || x.dtype !== 'float') throw new RangeError('graph/sum: expected one float input');
    return [{ dtype: 'float', shape: x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)) }];
  },
  evaluate: (inputs, { axes }) => [sumAxes(at(inputs, 0, 'sum'), axes)],
  gradient({ inputs, outputGradients }) {
    const dy = outputGradients[0];
    return [dy ? broadcastTo(dy, at(inputs, 0, 'sum').shape) : null];
  },
  emit: (context, inputs, { axes }) => context.add('ReduceSum', [...inputs, context.ints(axes)], { keepdims: 1 }),
};

const broadcastOp: Op<{ readonly shape: Shape }> = {
  name: 'broadcastTo',
  infer: ([x], { shape }) => [{ dtype: x?.dtype ?? 'float', shape }],
  evaluate: (inputs, { shape }, bindings) => [
    broadcastValue(at(inputs, 0, 'broadcastTo'), resolveShape(shape, bindings)),
  ],
  gradient({ inputs, outputGradients }) {
    const dy = outputGradients[0];
    return [dy ? sumTo(dy, at(inputs, 0, 'broadcastTo').shape) : null];
  },
  emit: (context, inputs, { shape }) => context.add('Expand', [...inputs, context.shape(shape)]),
};

export const reduceOps = { sum: sumOp, broadcastTo: broadcastOp };

/** The sum over axes (all of them when none are named); they stay with length 1 unless `keepDims` is false. */
export function sum(x: Tensor, axes: readonly number[] = x.shape.map((_, i) => i), keepDims = true): Tensor {
  const normalized = axes.map((axis) => normalizeAxis(axis, x.shape.length, 'sum')).sort((a, b) => a - b);
  if (normalized.length === 0) return x;
  const kept = applySingle(sumOp, [x], { axes: normalized });
  return keepDims
    ? kept
    : reshape(
        kept,
        x.shape.filter((_, axis) => !normalized.includes(axis)),
      );
}

/** The mean over axes whose lengths are known. */
export function mean(x: Tensor, axes: readonly number[] = x.shape.map((_, i) => i), keepDims = true): Tensor {
  const count = axes.reduce((product, axis) => {
    const length = at(x.shape, normalizeAxis(axis, x.shape.length, 'mean'), 'mean');
    if (typeof length === 'string') throw new RangeError(`graph/mean: the length of the axis ${length} is not known`);
    return product * length;
  }, 1);
  return scale(sum(x, axes, keepDims), 1 / count);
}

/** Repeats a tensor along axes of length 1 (and new leading ones) until it has the shape. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : applySingle(broadcastOp, [x], { shape });
}

/** Sums a tensor down to a shape that broadcasts to its own: the gradient of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const extra = x.shape.length - shape.length;
  if (extra < 0) return sumTo(broadcastTo(x, shape), shape);
  const axes = x.shape.flatMap((dim, axis) => (axis < extra || (shape[axis - extra] === 1 && dim !== 1) ? [axis] : []));
  const summed = sum(x, axes);
  return sameShape(summed.shape, shape) ? summed : reshape(broadcastIfSmaller(summed, shape, extra), shape);
}

/** A gradient may be a scalar zero where its tensor is larger: it is repeated first. */
function broadcastIfSmaller(x: Tensor, shape: Shape, extra: number): Tensor {
  const target = [...x.shape.slice(0, extra), ...shape];
  return target.some((dim, axis) => dim !== 1 && x.shape[axis] === 1) ? broadcastTo(x, target) : x;
}

/** Zeros of a tensor's shape. */
export function zerosLike(x: Tensor): Tensor {
  return broadcastTo(constant(0), x.shape);
}
