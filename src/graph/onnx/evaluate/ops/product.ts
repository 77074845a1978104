import { formatShape, sizeOf } from '../../../../core/shape.ts';
import { broadcastShapes, mapElements } from '../../../ndarray.ts';
import { type MatmulOptions, multiply } from '../../../ops/index.ts';
import type { Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { pairs } from './elementwise.ts';

/** The matrix product over the last two axes, with the shapes and the result's size checked. */
export function product(op: OpContext, a: Value, b: Value, options: MatmulOptions = {}): Value {
  const [rows, inner] = lastTwo(a, options.transposeA);
  const [innerB, columns] = lastTwo(b, options.transposeB);
  if (a.shape.length < 2 || b.shape.length < 2 || inner !== innerB) {
    op.fail(`the product of ${formatShape(a.shape)} and ${formatShape(b.shape)} is not defined`);
  }
  op.sized([...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'MatMul').map(Number), rows, columns]);
  return multiply(a, b, options);
}

function lastTwo({ shape }: Value, swap = false): readonly [number, number] {
  const [rows, columns] = [shape.at(-2) ?? 0, shape.at(-1) ?? 0];
  return swap ? [columns, rows] : [rows, columns];
}

/** Vectors are rows on the left and columns on the right; their axis goes again afterwards. */
const matMul: OpEvaluation = (op) => {
  const [a, b] = [op.input(0), op.input(1)];
  const [rowVector, columnVector] = [a.shape.length === 1, b.shape.length === 1];
  const left = rowVector ? { ...a, shape: [1, ...a.shape] } : a;
  const right = columnVector ? { ...b, shape: [...b.shape, 1] } : b;
  const y = product(op, left, right);
  const rank = y.shape.length;
  const shape = y.shape.filter((_, axis) => !((rowVector && axis === rank - 2) || (columnVector && axis === rank - 1)));
  return [{ ...y, dtype: a.dtype, shape }];
};

export function scaled(x: Value, factor: number): Value {
  return factor === 1 ? x : mapElements(x, (value) => value * factor);
}

const gemm: OpEvaluation = (op) => {
  const [transposeA, transposeB] = [op.int('transA', 0) === 1, op.int('transB', 0) === 1];
  const y = scaled(product(op, op.input(0), op.input(1), { transposeA, transposeB }), op.float('alpha', 1));
  const c = op.inputs[2];
  const beta = op.float('beta', 1);
  return [c === undefined || beta === 0 ? y : pairs(op, y, scaled(c, beta), (p, q) => p + q)];
};

const fusedMatMul: OpEvaluation = (op) => {
  if (op.int('transBatchA', 0) !== 0 || op.int('transBatchB', 0) !== 0)
    op.unsupported('with transBatch is not supported');
  const options = { transposeA: op.int('transA', 0) === 1, transposeB: op.int('transB', 0) === 1 };
  return [scaled(product(op, op.input(0), op.input(1), options), op.float('alpha', 1))];
};

/** a `[rows, inner]` times the rows of b `[columns, inner]`. */
export function timesRows(a: Float64Array, b: Float64Array, inner: number): Float64Array {
  const matrix = (data: Float64Array): Value => ({ dtype: 'float', shape: [data.length / inner, inner], data });
  return sizeOf([a.length, b.length]) === 0
    ? new Float64Array()
    : multiply(matrix(a), matrix(b), { transposeB: true }).data;
}

export const products: Readonly<Record<string, OpEvaluation>> = { MatMul: matMul, Gemm: gemm };
export const microsoftProducts: Readonly<Record<string, OpEvaluation>> = { FusedMatMul: fusedMatMul };
