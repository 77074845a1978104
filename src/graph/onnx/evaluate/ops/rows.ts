import { sizeOf } from '../../../../core/shape.ts';
import { permute } from '../../../ndarray.ts';
import { normalizeAxis, type Value } from '../../../tensor.ts';

/** Moves an axis to the end, applies a function to the value, and moves the axis back. */
export function withAxisLast(x: Value, axis: number, f: (x: Value) => Value): Value {
  const rank = x.shape.length;
  const moved = normalizeAxis(axis, rank, 'axis');
  if (moved === rank - 1) return f(x);
  const order = [...Array(rank).keys()].filter((i) => i !== moved);
  const y = f(permute(x, [...order, moved]));
  return permute(
    y,
    [...Array(rank).keys()].map((i) => (i === moved ? rank - 1 : order.indexOf(i))),
  );
}

/** Applies a function to each row of `width` elements; it writes its result to a row of the same place. */
export function mapRows(
  x: Value,
  width: number,
  f: (row: Float64Array, result: Float64Array, index: number) => void,
): Value {
  const data = new Float64Array(x.data.length);
  for (let row = 0; row * width < data.length; row++) {
    const [start, end] = [row * width, (row + 1) * width];
    f(x.data.subarray(start, end), data.subarray(start, end), row);
  }
  return { dtype: x.dtype, shape: x.shape, data };
}

/** The axes of a reduction at the end, so that each row is what becomes one element. */
export function rowsOver(x: Value, axes: readonly number[]): { readonly data: Float64Array; readonly width: number } {
  const kept = [...Array(x.shape.length).keys()].filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes];
  const isInPlace = order.every((axis, i) => axis === i);
  return { data: isInPlace ? x.data : permute(x, order).data, width: sizeOf(axes.map((axis) => x.shape[axis] ?? 1)) };
}
