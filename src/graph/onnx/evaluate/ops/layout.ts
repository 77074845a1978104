import { formatShape, sizeOf } from '../../../../core/shape.ts';
import { broadcastShapes, broadcastTo, permute, splitAt } from '../../../ndarray.ts';
import { makeValue, normalizeAxis, type Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';

/** Integers from an attribute in old opsets, from an input in newer ones. */
export function intsFrom(
  op: OpContext,
  attribute: string,
  index: number,
  since: number,
): readonly number[] | undefined {
  if (op.version < since) return op.ints(attribute);
  const value = op.inputs[index];
  return value === undefined ? undefined : Array.from(value.data);
}

const reshape: OpEvaluation = (op) => {
  const [x, target] = [op.input(0), Array.from(op.input(1).data)];
  const copies = op.int('allowzero', 0) === 0;
  const copied = target.map((length, axis) =>
    length === 0 && copies ? (x.shape[axis] ?? op.fail(`copies axis ${axis} of ${formatShape(x.shape)}`)) : length,
  );
  const known = sizeOf(copied.filter((length) => length !== -1));
  const shape = copied.map((length) => (length === -1 ? (known === 0 ? 0 : x.data.length / known) : length));
  if (copied.filter((length) => length === -1).length > 1 || sizeOf(op.sized(shape)) !== x.data.length) {
    op.fail(`${formatShape(x.shape)} can't become ${formatShape(target)}`);
  }
  return [{ ...x, shape }];
};

const flatten: OpEvaluation = (op) => {
  const x = op.input(0);
  const axis = op.int('axis', 1);
  const split = axis < 0 ? axis + x.shape.length : axis;
  return [{ ...x, shape: [sizeOf(x.shape.slice(0, split)), sizeOf(x.shape.slice(split))] }];
};

const transpose: OpEvaluation = (op) => {
  const x = op.input(0);
  const order = op.ints('perm') ?? [...x.shape.keys()].reverse();
  if (order.length !== x.shape.length || new Set(order).size !== order.length) {
    op.fail(`[${order.join(', ')}] is no order of the axes of ${formatShape(x.shape)}`);
  }
  return [permute(x, order)];
};

const squeeze: OpEvaluation = (op) => {
  const x = op.input(0);
  const named = intsFrom(op, 'axes', 1, 13)?.map((axis) => normalizeAxis(axis, x.shape.length, 'squeeze'));
  const axes = named ?? x.shape.flatMap((length, axis) => (length === 1 ? [axis] : []));
  const wrong = axes.find((axis) => x.shape[axis] !== 1);
  if (wrong !== undefined) op.fail(`axis ${wrong} of ${formatShape(x.shape)} has not the length 1`);
  return [{ ...x, shape: x.shape.filter((_, axis) => !axes.includes(axis)) }];
};

const unsqueeze: OpEvaluation = (op) => {
  const x = op.input(0);
  const axes = intsFrom(op, 'axes', 1, 13) ?? op.fail('has no axes');
  const rank = x.shape.length + axes.length;
  const added = new Set(axes.map((axis) => normalizeAxis(axis, rank, 'unsqueeze')));
  if (added.size < axes.length) op.fail(`the axes [${axes.join(', ')}] name one twice`);
  const rest = [...x.shape];
  return [{ ...x, shape: Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() ?? 1))) }];
};

const expand: OpEvaluation = (op) => {
  const x = op.input(0);
  const shape = broadcastShapes(x.shape, Array.from(op.input(1).data), 'expand').map(Number);
  return [broadcastTo(x, op.sized(shape))];
};

const tile: OpEvaluation = (op) => {
  const [x, repeats] = [op.input(0), Array.from(op.input(1).data)];
  if (repeats.length !== x.shape.length) op.fail(`${repeats.length} repeats are given for ${formatShape(x.shape)}`);
  const shape = op.sized(x.shape.map((length, axis) => length * (repeats[axis] ?? 1)));
  // Repeating an axis is a new axis before it, broadcast.
  const apart = { ...x, shape: x.shape.flatMap((length) => [1, length]) };
  return [
    {
      ...broadcastTo(
        apart,
        x.shape.flatMap((length, axis) => [repeats[axis] ?? 1, length]),
      ),
      shape,
    },
  ];
};

/** Values one after the other along an axis. */
export function concatenated(op: OpContext, parts: readonly Value[], alongAxis: number): Value {
  const first = parts[0] ?? op.fail('has no inputs');
  const axis = normalizeAxis(alongAxis, first.shape.length, 'concat');
  const total = parts.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
  const fits = parts.every(
    ({ shape }) => shape.length === first.shape.length && shape.every((n, i) => i === axis || n === first.shape[i]),
  );
  if (!fits)
    op.fail(`the shapes ${parts.map(({ shape }) => formatShape(shape)).join(' ')} don't fit along axis ${axis}`);
  const shape = op.sized(first.shape.map((length, i) => (i === axis ? total : length)));
  const data = new Float64Array(sizeOf(shape));
  const [outer, , inner] = splitAt(shape, axis);
  let offset = 0;
  for (const part of parts) {
    const width = (part.shape[axis] ?? 0) * inner;
    for (let i = 0; i < outer; i++)
      data.set(part.data.subarray(i * width, (i + 1) * width), i * total * inner + offset);
    offset += width;
  }
  return { dtype: first.dtype, shape, data };
}

const concat: OpEvaluation = (op) => [
  concatenated(
    op,
    op.inputs.map((_, i) => op.input(i)),
    op.int('axis', 0),
  ),
];

const shapeOf: OpEvaluation = (op) => {
  const { shape } = op.input(0);
  const part = shape.slice(op.int('start', 0), op.has('end') ? op.int('end', 0) : undefined);
  return [makeValue('int', [part.length], part)];
};

/** In inference the value goes through; the mask keeps everything. */
const dropout: OpEvaluation = (op) => {
  const x = op.input(0);
  if (op.inputs[2]?.data[0] === 1 && op.inputs[1]?.data[0] !== 0) op.unsupported('in training mode is not supported');
  const mask: Value = {
    dtype: 'bool',
    shape: x.shape,
    data: new Float64Array(op.outputCount > 1 ? x.data.length : 0).fill(1),
  };
  return op.outputCount > 1 ? [x, mask] : [x];
};

export const layouts: Readonly<Record<string, OpEvaluation>> = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  Tile: tile,
  Concat: concat,
  Shape: shapeOf,
  Size: (op) => [makeValue('int', [], [op.input(0).data.length])],
  Dropout: dropout,
};
