import { formatShape, type Shape, sameShape } from '../../core/shape.ts';
import { broadcastTo as broadcastValue, resolveShape, sumAxes } from '../ndarray.ts';
import { applySingle, at, constant, formatTypes, normalizeAxis, type Op, type Tensor } from '../tensor.ts';
import { scale } from './elementwise.ts';
import { reshape } from './layout.ts';

export interface SumAttributes {
  /** Sorted, not negative. */
  readonly axes: readonly number[];
}

const sumOp: Op<SumAttributes> = {
  name: 'sum',
  infer([x], { axes }) {
    if (x?.dtype !== 'float') throw new RangeError(`graph/sum: expected a float input, got ${formatTypes([x])}`);
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
  infer([x], { shape }) {
    const extra = shape.length - (x?.shape.length ?? 0);
    if (x === undefined || extra < 0 || x.shape.some((dim, axis) => dim !== 1 && dim !== shape[axis + extra])) {
      throw new RangeError(`graph/broadcastTo: ${formatTypes([x])} does not broadcast to ${formatShape(shape)}`);
    }
    return [{ dtype: x.dtype, shape }];
  },
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
  const normalized = distinctAxes(axes, x.shape, 'sum');
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
  const count = distinctAxes(axes, x.shape, 'mean').reduce((product, axis) => {
    const length = at(x.shape, axis, 'mean');
    if (typeof length === 'string') throw new RangeError(`graph/mean: the length of the axis ${length} is not known`);
    return product * length;
  }, 1);
  return scale(sum(x, axes, keepDims), 1 / count);
}

/** Axes counted from the start, in order. */
function distinctAxes(axes: readonly number[], shape: Shape, what: string): readonly number[] {
  const normalized = axes.map((axis) => normalizeAxis(axis, shape.length, what)).sort((a, b) => a - b);
  if (new Set(normalized).size < normalized.length) {
    throw new RangeError(`graph/${what}: the axes [${axes.join(', ')}] of ${formatShape(shape)} name one twice`);
  }
  return normalized;
}

/** Repeats a tensor along axes of length 1 (and new leading ones) until it has the shape. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : applySingle(broadcastOp, [x], { shape });
}

/** Sums a tensor down to a shape that broadcasts to its own: the gradient of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const extra = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dim, axis) => (axis < extra || (shape[axis - extra] === 1 && dim !== 1) ? [axis] : []));
  return reshape(sum(x, axes), shape);
}

/** Zeros of a tensor's shape. */
export function zerosLike(x: Tensor): Tensor {
  return broadcastTo(constant(0), x.shape);
}
