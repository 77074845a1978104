import { formatShape, sizeOf } from '../../../../core/shape.ts';
import { stridesOf } from '../../../ndarray.ts';
import { normalizeAxis, type Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { take } from './selection.ts';

/** Negative indices count from the end. */
export function checkedIndex(op: OpContext, index: number, length: number): number {
  const counted = index < 0 ? index + length : index;
  return counted >= 0 && counted < length
    ? counted
    : op.fail(`index ${index} is out of range for an axis of ${length}`);
}

const gather: OpEvaluation = (op) => {
  const [x, indices] = [op.input(0), op.input(1)];
  const axis = normalizeAxis(op.int('axis', 0), x.shape.length, 'gather');
  const length = x.shape[axis] ?? 0;
  const rows = Array.from(indices.data, (index) => checkedIndex(op, index, length));
  const shape = op.sized([...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]);
  return [{ ...take(x, axis, rows), shape }];
};

/** Calls `visit(i, place)` for each index of GatherElements and ScatterElements, `place` being where it points in the data. */
export function forEachElement(
  op: OpContext,
  data: Value,
  indices: Value,
  visit: (i: number, place: number) => void,
): void {
  const axis = normalizeAxis(op.int('axis', 0), data.shape.length, 'elements');
  const fits =
    indices.shape.length === data.shape.length &&
    indices.shape.every((length, i) => i === axis || length <= (data.shape[i] ?? 0));
  if (!fits) op.fail(`the indices ${formatShape(indices.shape)} don't fit ${formatShape(data.shape)}`);
  const [strides, own] = [stridesOf(data.shape), stridesOf(indices.shape)];
  const stride = strides[axis] ?? 1;
  for (let i = 0; i < indices.data.length; i++) {
    let place = checkedIndex(op, indices.data[i] as number, data.shape[axis] ?? 0) * stride;
    for (let j = 0, rest = i; j < own.length; j++) {
      const step = own[j] ?? 1;
      const position = Math.floor(rest / step);
      rest -= position * step;
      if (j !== axis) place += position * (strides[j] ?? 0);
    }
    visit(i, place);
  }
}

const gatherElements: OpEvaluation = (op) => {
  const [x, indices] = [op.input(0), op.input(1)];
  const data = new Float64Array(indices.data.length);
  forEachElement(op, x, indices, (i, place) => {
    data[i] = x.data[place] ?? Number.NaN;
  });
  return [{ dtype: x.dtype, shape: indices.shape, data }];
};

/** The blocks that the last axis of indices points to: the offset of each in the data, and the size of all. */
export function blocksOf(
  op: OpContext,
  data: Value,
  indices: Value,
  batchDims: number,
): { readonly offsets: readonly number[]; readonly size: number } {
  const depth = indices.shape.at(-1) ?? 0;
  if (indices.shape.length <= batchDims || batchDims + depth > data.shape.length) {
    op.fail(`the indices ${formatShape(indices.shape)} don't fit ${formatShape(data.shape)}`);
  }
  const strides = stridesOf(data.shape);
  const perBatch = sizeOf(indices.shape.slice(batchDims, -1));
  const batchStride = sizeOf(data.shape.slice(batchDims));
  const offsets = Array.from({ length: sizeOf(op.sized(indices.shape.slice(0, -1))) }, (_, i) => {
    let offset = Math.floor(i / perBatch) * (batchDims === 0 ? 0 : batchStride);
    for (let j = 0; j < depth; j++) {
      const axis = batchDims + j;
      offset += checkedIndex(op, indices.data[i * depth + j] as number, data.shape[axis] ?? 0) * (strides[axis] ?? 1);
    }
    return offset;
  });
  return { offsets, size: sizeOf(data.shape.slice(batchDims + depth)) };
}

const gatherND: OpEvaluation = (op) => {
  const [x, indices] = [op.input(0), op.input(1)];
  const batchDims = op.int('batch_dims', 0);
  const { offsets, size } = blocksOf(op, x, indices, batchDims);
  const depth = indices.shape.at(-1) ?? 0;
  const shape = op.sized([...indices.shape.slice(0, -1), ...x.shape.slice(batchDims + depth)]);
  const data = new Float64Array(sizeOf(shape));
  for (const [i, offset] of offsets.entries()) data.set(x.data.subarray(offset, offset + size), i * size);
  return [{ dtype: x.dtype, shape, data }];
};

export const gathers: Readonly<Record<string, OpEvaluation>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
};
