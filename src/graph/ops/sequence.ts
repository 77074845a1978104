import { formatShape, sizeOf } from '../../core/shape.ts';
import { applySingle, at, formatTypes, normalizeAxis, type Op, type Tensor } from '../tensor.ts';

const cumulativeSumOp: Op<null> = {
  name: 'cumulativeSum',
  infer([x]) {
    if (x?.dtype !== 'int' || x.shape.length === 0) {
      throw new RangeError(`graph/cumulativeSum: expected ints with an axis, got ${formatTypes([x])}`);
    }
    return [x];
  },
  evaluate(inputs) {
    const x = at(inputs, 0, 'cumulativeSum');
    const length = at(x.shape, x.shape.length - 1, 'cumulativeSum');
    let sum = 0;
    return [{ ...x, data: x.data.map((value, i) => (sum = i % length === 0 ? value : sum + value)) }];
  },
  emit: (context, inputs) => context.add('CumSum', [...inputs, context.int(-1)]),
};

const tailOp: Op<{ readonly axis: number }> = {
  name: 'tail',
  infer([x, like], { axis }) {
    const count = like?.shape[axis];
    if (x === undefined || x.shape.length === 0 || count === undefined) {
      throw new RangeError(
        `graph/tail: ${formatTypes([x])} has no last axis, or ${formatTypes([like])} no axis ${axis}`,
      );
    }
    const length = x.shape.at(-1);
    if (typeof length === 'number' && typeof count === 'number' && count > length) {
      throw new RangeError(`graph/tail: ${formatShape(x.shape)} has not ${count} entries on its last axis`);
    }
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, -1), count] }];
  },
  evaluate(inputs, { axis }) {
    const x = at(inputs, 0, 'tail');
    const count = at(at(inputs, 1, 'tail').shape, axis, 'tail');
    const length = at(x.shape, x.shape.length - 1, 'tail');
    const shape = [...x.shape.slice(0, -1), count];
    const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
      const row = Math.floor(i / count);
      return at(x.data, row * length + length - count + (i % count), 'tail');
    });
    return [{ dtype: x.dtype, shape, data }];
  },
  emit(context, [x = '', like = ''], { axis }) {
    const [count] = context.add('Shape', [like], { start: axis, end: axis + 1 });
    const [start] = context.add('Neg', [count]);
    // An end beyond every length, as ONNX recommends it, within the integers of 32 bits that some engines index with.
    return context.add('Slice', [x, start, context.ints([2 ** 31 - 1]), context.ints([-1])]);
  },
};

export const sequenceOps = { cumulativeSum: cumulativeSumOp, tail: tailOp };

/** The sums of ints up to and with each entry of the last axis. */
export const cumulativeSum = (x: Tensor): Tensor => applySingle(cumulativeSumOp, [x], null);

/** The last entries of `x` along its last axis, as many as `like` has along `axis`: one at least. Gradients don't pass through. */
export const tail = (x: Tensor, like: Tensor, axis: number): Tensor =>
  applySingle(tailOp, [x, like], { axis: normalizeAxis(axis, like.shape.length, 'tail') });
