import { InputError } from '../core/errors.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { at, type Bindings, type ElementType, type Value } from './tensor.ts';

/** The row-major strides of a shape, in elements. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] ?? 1) * (shape[i + 1] ?? 1);
  return strides;
}

/** The shape to which two shapes broadcast, as in NumPy; symbols only broadcast with themselves and with 1. */
export function broadcastShapes(a: Shape, b: Shape, what: string): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw new RangeError(`graph/${what}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
  });
}

function staticBroadcast(a: readonly number[], b: readonly number[], what: string): readonly number[] {
  return broadcastShapes(a, b, what).map(Number);
}

/** The strides with which a tensor is read as if it had the larger shape: 0 along axes that are repeated. */
function broadcastStrides(shape: readonly number[], target: readonly number[]): readonly number[] {
  const strides = stridesOf(shape);
  const offset = target.length - shape.length;
  return target.map((_, i) => (i < offset || shape[i - offset] === 1 ? 0 : (strides[i - offset] ?? 0)));
}

/** Calls `visit(i, offsets…)` for every element of a shape in row-major order, with an offset for each stride list. */
function forEachOffset(
  shape: readonly number[],
  a: readonly number[],
  b: readonly number[],
  visit: (i: number, offsetA: number, offsetB: number) => void,
): void {
  const size = sizeOf(shape);
  const rank = shape.length;
  const index = new Array<number>(rank).fill(0);
  let offsetA = 0;
  let offsetB = 0;
  for (let i = 0; i < size; i++) {
    visit(i, offsetA, offsetB);
    for (let axis = rank - 1; axis >= 0; axis--) {
      const length = shape[axis] ?? 1;
      const position = (index[axis] ?? 0) + 1;
      offsetA += a[axis] ?? 0;
      offsetB += b[axis] ?? 0;
      if (position < length) {
        index[axis] = position;
        break;
      }
      index[axis] = 0;
      offsetA -= (a[axis] ?? 0) * length;
      offsetB -= (b[axis] ?? 0) * length;
    }
  }
}

/** Applies a function to each pair of elements of two values that broadcast. */
export function mapPairs(
  a: Value,
  b: Value,
  dtype: ElementType,
  f: (x: number, y: number) => number,
  what: string,
): Value {
  const shape = staticBroadcast(a.shape, b.shape, what);
  const data = new Float64Array(sizeOf(shape));
  const x = a.data;
  const y = b.data;
  if (x.length === data.length && y.length === data.length) {
    for (let i = 0; i < data.length; i++) data[i] = f(x[i] as number, y[i] as number);
  } else {
    forEachOffset(shape, broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape), (i, p, q) => {
      data[i] = f(x[p] as number, y[q] as number);
    });
  }
  return { dtype, shape, data };
}

/** Applies a function to each element. */
export function mapElements(x: Value, f: (x: number) => number): Value {
  const data = new Float64Array(x.data.length);
  for (let i = 0; i < data.length; i++) data[i] = f(x.data[i] as number);
  return { dtype: x.dtype, shape: x.shape, data };
}

/** Repeats a value along axes of length 1 until it has the shape. */
export function broadcastTo(x: Value, shape: readonly number[]): Value {
  const data = new Float64Array(sizeOf(shape));
  const strides = broadcastStrides(x.shape, shape);
  forEachOffset(shape, strides, strides, (i, p) => {
    data[i] = x.data[p] as number;
  });
  return { dtype: x.dtype, shape, data };
}

/** Reorders the axes: axis i of the result is axis `permutation[i]` of the value. */
export function permute(x: Value, permutation: readonly number[]): Value {
  const shape = permutation.map((axis) => at(x.shape, axis, 'transpose'));
  const strides = stridesOf(x.shape);
  const permuted = permutation.map((axis) => at(strides, axis, 'transpose'));
  const data = new Float64Array(x.data.length);
  forEachOffset(shape, permuted, permuted, (i, p) => {
    data[i] = x.data[p] as number;
  });
  return { dtype: x.dtype, shape, data };
}

/** Sums over axes; they stay with length 1. */
export function sumAxes(x: Value, axes: readonly number[]): Value {
  const shape = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
  const data = new Float64Array(sizeOf(shape));
  const target = broadcastStrides(shape, x.shape);
  forEachOffset(x.shape, target, target, (i, p) => {
    data[p] = (data[p] as number) + (x.data[i] as number);
  });
  return { dtype: x.dtype, shape, data };
}

/** How a shape splits around an axis: `[outer, length, inner]`. */
export function splitAt(shape: readonly number[], axis: number): readonly [number, number, number] {
  return [sizeOf(shape.slice(0, axis)), at(shape, axis, 'axis'), sizeOf(shape.slice(axis + 1))];
}

/** A shape with its symbols replaced by what they stand for. */
export function resolveShape(shape: readonly (number | string)[], bindings: Bindings): readonly number[] {
  return shape.map((dim) => {
    if (typeof dim === 'number') return dim;
    const size = bindings.get(dim);
    if (size === undefined) throw new InputError(`graph: nothing says how large the dimension ${dim} is`);
    return size;
  });
}
