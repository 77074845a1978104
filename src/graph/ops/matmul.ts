import { formatShape, type Shape, sizeOf } from '../../core/shape.ts';
import { broadcastShapes, broadcastTo } from '../ndarray.ts';
import { applySingle, at, formatTypes, type Op, type Tensor, type Value } from '../tensor.ts';
import { reshape } from './layout.ts';
import { sumTo } from './reduce.ts';

export interface MatmulOptions {
  /** Swap the last two axes of the left factor first. */
  readonly transposeA?: boolean;
  /** Swap the last two axes of the right factor first. */
  readonly transposeB?: boolean;
}

type MatmulAttributes = Required<MatmulOptions>;

const matmulOp: Op<MatmulAttributes> = {
  name: 'matmul',
  infer([a, b], { transposeA, transposeB }) {
    if (a === undefined || b === undefined || a.dtype !== 'float' || b.dtype !== 'float') {
      throw new RangeError(`graph/matmul: expected two float inputs, got ${formatTypes([a, b])}`);
    }
    const [rows, inner] = lastTwo(a.shape, transposeA);
    const [innerB, columns] = lastTwo(b.shape, transposeB);
    if (inner !== innerB) {
      throw new RangeError(
        `graph/matmul: ${formatShape(a.shape)}${transposeA ? 'ᵀ' : ''} and ${formatShape(b.shape)}${transposeB ? 'ᵀ' : ''} ` +
          `disagree on the inner dimension (${inner} and ${innerB})`,
      );
    }
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matmul');
    return [{ dtype: 'float', shape: [...batch, rows, columns] }];
  },
  evaluate: (inputs, options) => [multiply(at(inputs, 0, 'matmul'), at(inputs, 1, 'matmul'), options)],
  gradient({ inputs, outputGradients, attributes: { transposeA, transposeB } }) {
    const [a, b] = inputs;
    const dy = outputGradients[0];
    if (a === undefined || b === undefined || !dy) return [null, null];
    const da = transposeA
      ? matmul(b, dy, { transposeA: transposeB, transposeB: true })
      : matmul(dy, b, { transposeB: !transposeB });
    return [sumTo(da, a.shape), rightGradient(a, b, dy, transposeA, transposeB)];
  },
  emit(context, inputs, { transposeA, transposeB }, types) {
    if (context.fusedTransposes && (transposeA || transposeB)) {
      const attributes = { transA: Number(transposeA), transB: Number(transposeB) };
      return context.add('FusedMatMul', inputs, attributes, { domain: 'com.microsoft' });
    }
    const factor = (index: number, swap: boolean): string => {
      const name = at(inputs, index, 'matmul');
      const rank = at(types.inputs, index, 'matmul').shape.length;
      return swap ? context.add('Transpose', [name], { perm: swapped(rank) })[0] : name;
    };
    return context.add('MatMul', [factor(0, transposeA), factor(1, transposeB)]);
  },
};

/** A weight that many rows share gets its gradient from one product over all rows, not from one for each batch entry. */
function rightGradient(a: Tensor, b: Tensor, dy: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  if (b.shape.length === 2 && !transposeA && a.shape.length > 2 && isStatic(a.shape)) {
    const rowsA = reshape(a, flattenRows(a.shape));
    const rowsDy = reshape(dy, flattenRows(dy.shape));
    return transposeB ? matmul(rowsDy, rowsA, { transposeA: true }) : matmul(rowsA, rowsDy, { transposeA: true });
  }
  const db = transposeB
    ? matmul(dy, a, { transposeA: true, transposeB: transposeA })
    : matmul(a, dy, { transposeA: !transposeA });
  return sumTo(db, b.shape);
}

function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every((dim) => typeof dim === 'number');
}

function flattenRows(shape: Shape): Shape {
  return [sizeOf(shape.slice(0, -1).map(Number)), at(shape, shape.length - 1, 'matmul')];
}

function lastTwo(shape: Shape, swap: boolean): readonly [number | string, number | string] {
  if (shape.length < 2) throw new RangeError(`graph/matmul: ${formatShape(shape)} has fewer than two axes`);
  const rows = at(shape, shape.length - 2, 'matmul');
  const columns = at(shape, shape.length - 1, 'matmul');
  return swap ? [columns, rows] : [rows, columns];
}

function swapped(rank: number): readonly number[] {
  return [...Array(rank - 2).keys(), rank - 1, rank - 2];
}

/** Swaps the last two axes, in tiles that fit the cache. */
function swapLastTwo(x: Value): Value {
  const rank = x.shape.length;
  const rows = at(x.shape, rank - 2, 'matmul');
  const columns = at(x.shape, rank - 1, 'matmul');
  const data = new Float64Array(x.data.length);
  const tile = 32;
  for (let start = 0; start < data.length; start += rows * columns) {
    for (let top = 0; top < rows; top += tile) {
      for (let left = 0; left < columns; left += tile) {
        const bottom = Math.min(top + tile, rows);
        const right = Math.min(left + tile, columns);
        for (let i = top; i < bottom; i++) {
          for (let j = left; j < right; j++) data[start + j * rows + i] = x.data[start + i * columns + j] as number;
        }
      }
    }
  }
  return { dtype: x.dtype, shape: [...x.shape.slice(0, -2), columns, rows], data };
}

/** a bᵀ over the last two axes, batch by batch. */
function multiplyTransposed(a: Value, b: Value): Value {
  const rows = at(a.shape, a.shape.length - 2, 'matmul');
  const inner = at(a.shape, a.shape.length - 1, 'matmul');
  const columns = at(b.shape, b.shape.length - 2, 'matmul');
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matmul').map(Number);
  const shape = [...batch, rows, columns];
  const left = expandBatch(a, [...batch, rows, inner]);
  const data = new Float64Array(sizeOf(shape));
  if (sizeOf(b.shape.slice(0, -2)) === 1) {
    multiplyRows(left.data, b.data, data, inner, columns);
    return { dtype: 'float', shape, data };
  }
  const right = expandBatch(b, [...batch, columns, inner]);
  for (let k = 0; k < sizeOf(batch); k++) {
    const part = (array: Float64Array, size: number) => array.subarray(k * size, (k + 1) * size);
    multiplyRows(
      part(left.data, rows * inner),
      part(right.data, columns * inner),
      part(data, rows * columns),
      inner,
      columns,
    );
  }
  return { dtype: 'float', shape, data };
}

/** Rows of a `[rows, inner]` times rows of b `[columns, inner]`, four by two at once, so that what is loaded is used more often. */
function multiplyRows(a: Float64Array, b: Float64Array, result: Float64Array, inner: number, columns: number): void {
  const rows = columns === 0 ? 0 : result.length / columns;
  const rowsInBlocks = rows - (rows % 4);
  const columnsInBlocks = columns - (columns % 2);
  for (let j = 0; j < columnsInBlocks; j += 2) {
    const [b0, b1] = [j * inner, (j + 1) * inner];
    for (let i = 0; i < rowsInBlocks; i += 4) {
      const [a0, a1, a2, a3] = [i * inner, (i + 1) * inner, (i + 2) * inner, (i + 3) * inner];
      let [s00, s01, s10, s11, s20, s21, s30, s31] = [0, 0, 0, 0, 0, 0, 0, 0];
      for (let p = 0; p < inner; p++) {
        const x = b[b0 + p] as number;
        const y = b[b1 + p] as number;
        const u0 = a[a0 + p] as number;
        const u1 = a[a1 + p] as number;
        const u2 = a[a2 + p] as number;
        const u3 = a[a3 + p] as number;
        s00 += u0 * x;
        s01 += u0 * y;
        s10 += u1 * x;
        s11 += u1 * y;
        s20 += u2 * x;
        s21 += u2 * y;
        s30 += u3 * x;
        s31 += u3 * y;
      }
      const offset = i * columns + j;
      result[offset] = s00;
      result[offset + 1] = s01;
      result[offset + columns] = s10;
      result[offset + columns + 1] = s11;
      result[offset + 2 * columns] = s20;
      result[offset + 2 * columns + 1] = s21;
      result[offset + 3 * columns] = s30;
      result[offset + 3 * columns + 1] = s31;
    }
  }
  for (let i = 0; i < rows; i++) {
    for (let j = i < rowsInBlocks ? columnsInBlocks : 0; j < columns; j++) {
      let total = 0;
      for (let p = 0; p < inner; p++) total += (a[i * inner + p] as number) * (b[j * inner + p] as number);
      result[i * columns + j] = total;
    }
  }
}

function expandBatch(x: Value, shape: readonly number[]): Value {
  return x.data.length === sizeOf(shape) ? x : broadcastTo(x, shape);
}

/** The matrix product of values whose shapes are known to fit; the axes before the last two broadcast. */
export function multiply(a: Value, b: Value, { transposeA = false, transposeB = false }: MatmulOptions = {}): Value {
  return multiplyTransposed(transposeA ? swapLastTwo(a) : a, transposeB ? b : swapLastTwo(b));
}

export const matmulOps = { matmul: matmulOp };

/** The matrix product over the last two axes; the axes before them broadcast. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  return applySingle(matmulOp, [a, b], {
    transposeA: options.transposeA ?? false,
    transposeB: options.transposeB ?? false,
  });
}
