import { type Dim, formatShape, type Shape, sameShape, sizeOf } from '../../core/shape.ts';
import { permute, resolveShape, splitAt } from '../ndarray.ts';
import { apply, applySingle, at, normalizeAxis, type Op, type Tensor, type Value } from '../tensor.ts';
import { zerosLike } from './reduce.ts';

const reshapeOp: Op<{ readonly shape: Shape }> = {
  name: 'reshape',
  infer([x], { shape }) {
    if (x === undefined) throw new RangeError('graph/reshape: expected one input');
    if (!sameElements(x.shape, shape)) {
      throw new RangeError(
        `graph/reshape: ${formatShape(x.shape)} does not have as many elements as ${formatShape(shape)}`,
      );
    }
    return [{ dtype: x.dtype, shape }];
  },
  evaluate(inputs, { shape }, bindings) {
    const x = at(inputs, 0, 'reshape');
    return [{ ...x, shape: resolveShape(shape, bindings) }];
  },
  gradient({ inputs, outputGradients }) {
    const dy = outputGradients[0];
    return [dy ? reshape(dy, at(inputs, 0, 'reshape').shape) : null];
  },
  emit(context, inputs, { shape }, types) {
    const from = at(types.inputs, 0, 'reshape').shape;
    // 0 copies a dimension of the input at the same place, one -1 is worked out by the engine.
    // A length of 0 forbids both.
    if (shape.includes(0)) {
      return context.add('Reshape', [at(inputs, 0, 'reshape'), context.shape(shape)], { allowzero: 1 });
    }
    const copied = shape.map((dim, i) => (typeof dim === 'string' && from[i] === dim ? 0 : dim));
    const unknown = copied.filter((dim) => typeof dim === 'string').length;
    const target =
      unknown <= 1 ? context.ints(copied.map((dim) => (typeof dim === 'string' ? -1 : dim))) : context.shape(shape);
    return context.add('Reshape', [at(inputs, 0, 'reshape'), target]);
  },
};

function sameElements(a: Shape, b: Shape): boolean {
  const symbols = (shape: Shape) =>
    shape
      .filter((dim) => typeof dim === 'string')
      .sort()
      .join();
  const size = (shape: Shape) => sizeOf(shape.filter((dim) => typeof dim === 'number'));
  return symbols(a) === symbols(b) && size(a) === size(b);
}

const transposeOp: Op<{ readonly permutation: readonly number[] }> = {
  name: 'transpose',
  infer([x], { permutation }) {
    if (x === undefined || [...permutation].sort((a, b) => a - b).some((axis, i) => axis !== i)) {
      throw new RangeError(`graph/transpose: [${permutation.join(', ')}] is no permutation`);
    }
    if (permutation.length !== x.shape.length) {
      throw new RangeError(`graph/transpose: ${permutation.length} axes given for the shape ${formatShape(x.shape)}`);
    }
    return [{ dtype: x.dtype, shape: permutation.map((axis) => at(x.shape, axis, 'transpose')) }];
  },
  evaluate: (inputs, { permutation }) => [permute(at(inputs, 0, 'transpose'), permutation)],
  gradient({ outputGradients, attributes: { permutation } }) {
    const dy = outputGradients[0];
    return [
      dy
        ? transpose(
            dy,
            permutation.map((_, i) => permutation.indexOf(i)),
          )
        : null,
    ];
  },
  emit: (context, inputs, { permutation }) => context.add('Transpose', inputs, { perm: permutation }),
};

export interface SliceAttributes {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

const sliceOp: Op<SliceAttributes> = {
  name: 'slice',
  infer([x], { axis, start, end }) {
    const length = x?.shape[axis];
    const whole = Number.isInteger(start) && Number.isInteger(end);
    if (x === undefined || typeof length !== 'number' || !whole || start < 0 || end > length || start > end) {
      throw new RangeError(
        `graph/slice: ${start} to ${end} of axis ${axis} is out of range for ${formatShape(x?.shape ?? [])}`,
      );
    }
    return [{ dtype: x.dtype, shape: x.shape.map((dim, i) => (i === axis ? end - start : dim)) }];
  },
  evaluate: (inputs, { axis, start, end }) => [sliceValue(at(inputs, 0, 'slice'), axis, start, end)],
  gradient({ inputs, outputGradients, attributes: { axis, start, end } }) {
    const dy = outputGradients[0];
    const length = at(at(inputs, 0, 'slice').shape, axis, 'slice');
    return [dy && typeof length === 'number' ? pad(dy, axis, start, length - end) : null];
  },
  emit: (context, inputs, { axis, start, end }) =>
    context.add('Slice', [...inputs, context.ints([start]), context.ints([end]), context.ints([axis])]),
};

function sliceValue(x: Value, axis: number, start: number, end: number): Value {
  const [outer, length, inner] = splitAt(x.shape, axis);
  const shape = x.shape.map((dim, i) => (i === axis ? end - start : dim));
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < outer; i++) {
    data.set(x.data.subarray((i * length + start) * inner, (i * length + end) * inner), i * (end - start) * inner);
  }
  return { dtype: x.dtype, shape, data };
}

function isLength(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}

export interface PadAttributes {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

const padOp: Op<PadAttributes> = {
  name: 'pad',
  infer([x], { axis, before, after }) {
    const length = x?.shape[axis];
    if (x === undefined || typeof length !== 'number') {
      throw new RangeError(`graph/pad: axis ${axis} of ${formatShape(x?.shape ?? [])} has no known length`);
    }
    if (!isLength(before) || !isLength(after)) {
      throw new RangeError(
        `graph/pad: ${before} and ${after} entries around axis ${axis} of ${formatShape(x.shape)}, expected no fewer than 0`,
      );
    }
    return [{ dtype: x.dtype, shape: x.shape.map((dim, i) => (i === axis ? before + length + after : dim)) }];
  },
  evaluate(inputs, { axis, before, after }) {
    const x = at(inputs, 0, 'pad');
    const [outer, length, inner] = splitAt(x.shape, axis);
    const padded = before + length + after;
    const shape = x.shape.map((dim, i) => (i === axis ? padded : dim));
    const data = new Float64Array(sizeOf(shape));
    for (let i = 0; i < outer; i++) {
      data.set(x.data.subarray(i * length * inner, (i + 1) * length * inner), (i * padded + before) * inner);
    }
    return [{ dtype: x.dtype, shape, data }];
  },
  gradient({ inputs, outputGradients, attributes: { axis, before } }) {
    const dy = outputGradients[0];
    const length = at(at(inputs, 0, 'pad').shape, axis, 'pad');
    return [dy && typeof length === 'number' ? slice(dy, axis, before, before + length) : null];
  },
  emit(context, inputs, { axis, before, after }) {
    return context.add('Pad', [...inputs, context.ints([before, after]), '', context.ints([axis])]);
  },
};

const concatOp: Op<{ readonly axis: number }> = {
  name: 'concat',
  infer(inputs, { axis }) {
    const first = at(inputs, 0, 'concat');
    const rest = (shape: Shape) => shape.filter((_, i) => i !== axis);
    for (const x of inputs) {
      const fits = axis < x.shape.length && sameShape(rest(x.shape), rest(first.shape));
      if (!fits || x.dtype !== first.dtype) {
        throw new RangeError(
          `graph/concat: ${formatShape(x.shape)} does not go with ${formatShape(first.shape)} on axis ${axis}`,
        );
      }
    }
    const length = joined(inputs.map((x) => at(x.shape, axis, 'concat')));
    return [{ dtype: first.dtype, shape: first.shape.map((dim, i) => (i === axis ? length : dim)) }];
  },
  evaluate: (inputs, { axis }) => [concatValues(inputs, axis)],
  gradient({ inputs, outputGradients, attributes: { axis } }) {
    const dy = outputGradients[0];
    let start = 0;
    return inputs.map((x) => {
      const length = at(x.shape, axis, 'concat');
      if (typeof length !== 'number') {
        throw new RangeError(
          `graph/concat: the gradient of ${formatShape(x.shape)} needs a known length on axis ${axis}`,
        );
      }
      start += length;
      return dy ? slice(dy, axis, start - length, start) : null;
    });
  },
  emit: (context, inputs, { axis }) => context.add('Concat', inputs, { axis }),
};

/** The length of several together: where some are symbols, one such as `past + seq`. */
function joined(lengths: readonly Dim[]): Dim {
  const known = lengths.filter((dim) => typeof dim === 'number').reduce((sum, dim) => sum + dim, 0);
  const symbols = lengths.filter((dim) => typeof dim === 'string');
  return symbols.length === 0 ? known : [...symbols, ...(known === 0 ? [] : [known])].join(' + ');
}

function concatValues(inputs: readonly Value[], axis: number): Value {
  const first = at(inputs, 0, 'concat');
  const lengths = inputs.map((x) => at(x.shape, axis, 'concat'));
  const total = lengths.reduce((a, b) => a + b, 0);
  const [outer, , inner] = splitAt(first.shape, axis);
  const shape = first.shape.map((dim, i) => (i === axis ? total : dim));
  const data = new Float64Array(sizeOf(shape));
  let start = 0;
  for (const [k, x] of inputs.entries()) {
    const block = at(lengths, k, 'concat') * inner;
    for (let i = 0; i < outer; i++) {
      data.set(x.data.subarray(i * block, (i + 1) * block), i * total * inner + start);
    }
    start += block;
  }
  return { dtype: first.dtype, shape, data };
}

export interface SplitAttributes {
  readonly axis: number;
  readonly lengths: readonly number[];
}

const splitOp: Op<SplitAttributes> = {
  name: 'split',
  infer([x], { axis, lengths }) {
    if (x === undefined || !lengths.every(isLength) || lengths.reduce((a, b) => a + b, 0) !== x.shape[axis]) {
      throw new RangeError(
        `graph/split: lengths [${lengths.join(', ')}] do not add up to axis ${axis} of ${formatShape(x?.shape ?? [])}`,
      );
    }
    return lengths.map((length) => ({ dtype: x.dtype, shape: x.shape.map((dim, i) => (i === axis ? length : dim)) }));
  },
  evaluate(inputs, { axis, lengths }) {
    const x = at(inputs, 0, 'split');
    let start = 0;
    return lengths.map((length) => {
      start += length;
      return sliceValue(x, axis, start - length, start);
    });
  },
  gradient({ outputs, outputGradients, attributes: { axis } }) {
    return [
      concat(
        outputs.map((output, i) => outputGradients[i] ?? zerosLike(output)),
        axis,
      ),
    ];
  },
  emit: (context, inputs, { axis, lengths }) =>
    context.add('Split', [...inputs, context.ints(lengths)], { axis }, { outputs: lengths.length }),
};

export const layoutOps = {
  reshape: reshapeOp,
  transpose: transposeOp,
  slice: sliceOp,
  pad: padOp,
  concat: concatOp,
  split: splitOp,
};

/** The same elements in row-major order under another shape. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : applySingle(reshapeOp, [x], { shape });
}

/** Reorders the axes: axis i of the result is axis `permutation[i]` of the tensor. */
export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  return permutation.every((axis, i) => axis === i) ? x : applySingle(transposeOp, [x], { permutation });
}

/** The entries `start` to `end` (exclusive) of an axis. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const normalized = normalizeAxis(axis, x.shape.length, 'slice');
  return start === 0 && end === x.shape[normalized] ? x : applySingle(sliceOp, [x], { axis: normalized, start, end });
}

/** Zeros before and after the entries of an axis. */
export function pad(x: Tensor, axis: number, before: number, after: number): Tensor {
  const normalized = normalizeAxis(axis, x.shape.length, 'pad');
  return before === 0 && after === 0 ? x : applySingle(padOp, [x], { axis: normalized, before, after });
}

/** Joins tensors along an axis. Lengths that are symbols add up to one with a name of their own, `past + seq`. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const first = at(tensors, 0, 'concat');
  return tensors.length === 1
    ? first
    : applySingle(concatOp, tensors, { axis: normalizeAxis(axis, first.shape.length, 'concat') });
}

/** Cuts an axis into pieces of the given lengths, which must add up to it. */
export function split(x: Tensor, axis: number, lengths: readonly number[]): readonly Tensor[] {
  const normalized = normalizeAxis(axis, x.shape.length, 'split');
  return lengths.length === 1 ? [x] : apply(splitOp, [x], { axis: normalized, lengths });
}
