import { sizeOf } from '../../../../core/shape.ts';
import { normalizeAxis, type Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { intsFrom } from './layout.ts';
import { rowsOver } from './rows.ts';

type RowFunction = (row: Float64Array) => number;

/** Since the opset `since` the axes are an input. */
const reduction =
  (f: RowFunction, since = 18): OpEvaluation =>
  (op) => {
    const x = op.input(0);
    const named = intsFrom(op, 'axes', 1, since) ?? [];
    if (named.length === 0 && op.int('noop_with_empty_axes', 0) === 1) {
      // Each element is a row of its own: squares and logarithms are still taken.
      return [over(op, x, [], true, f)];
    }
    const axes = named.length === 0 ? [...x.shape.keys()] : axesOf(named, x);
    return [over(op, x, axes, op.int('keepdims', 1) === 1, f)];
  };

function axesOf(named: readonly number[], x: Value): readonly number[] {
  return [...new Set(named.map((axis) => normalizeAxis(axis, x.shape.length, 'reduce')))].sort((a, b) => a - b);
}

function over(op: OpContext, x: Value, axes: readonly number[], keepDims: boolean, f: RowFunction): Value {
  const { data, width } = rowsOver(x, axes);
  const shape = op.sized(x.shape.flatMap((length, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [length])));
  const rows = sizeOf(shape);
  const result = new Float64Array(rows);
  for (let i = 0; i < rows; i++) result[i] = f(data.subarray(i * width, (i + 1) * width));
  return { dtype: x.dtype, shape, data: result };
}

const sumOf =
  (f: (x: number) => number): RowFunction =>
  (row) => {
    let total = 0;
    for (const value of row) total += f(value);
    return total;
  };

const sum = sumOf((x) => x);
const sumSquares = sumOf((x) => x * x);

/** Of no elements −∞, or ∞ for the minimum. */
const extreme =
  (pick: (x: number, y: number) => number, start: number): RowFunction =>
  (row) => {
    let result = start;
    for (const value of row) result = pick(result, value);
    return result;
  };
const max = extreme(Math.max, Number.NEGATIVE_INFINITY);

const logSumExp: RowFunction = (row) => {
  const top = max(row);
  if (!Number.isFinite(top)) return top;
  return top + Math.log(sumOf((x) => Math.exp(x - top))(row));
};

/** The position of the first largest (or smallest) entry along an axis; of the last one where that is asked for. */
const argument =
  (isBetter: (x: number, best: number) => boolean): OpEvaluation =>
  (op) => {
    const x = op.input(0);
    const axis = normalizeAxis(op.int('axis', 0), x.shape.length, 'argmax');
    if (x.shape[axis] === 0) op.fail('looks for the largest of no entries');
    const last = op.int('select_last_index', 0) === 1;
    const position: RowFunction = (row) => {
      let best = 0;
      for (let i = 1; i < row.length; i++) {
        const [value, top] = [row[i] as number, row[best] as number];
        if (isBetter(value, top) || (last && value === top)) best = i;
      }
      return best;
    };
    return [{ ...over(op, x, [axis], op.int('keepdims', 1) === 1, position), dtype: 'int' }];
  };

const mean: RowFunction = (row) => sum(row) / row.length;

/** Integers are averaged towards zero. */
const reduceMean: OpEvaluation = (op: OpContext) => {
  const isInt = op.input(0).dtype === 'int';
  return reduction(isInt ? (row) => Math.trunc(mean(row)) : mean)(op);
};

export const reductions: Readonly<Record<string, OpEvaluation>> = {
  ReduceSum: reduction(sum, 13),
  ReduceMean: reduceMean,
  ReduceMax: reduction(max),
  ReduceMin: reduction(extreme(Math.min, Number.POSITIVE_INFINITY)),
  ReduceProd: reduction((row) => row.reduce((product, value) => product * value, 1)),
  ReduceL1: reduction(sumOf(Math.abs)),
  ReduceL2: reduction((row) => Math.sqrt(sumSquares(row))),
  ReduceSumSquare: reduction(sumSquares),
  ReduceLogSum: reduction((row) => Math.log(sum(row))),
  ReduceLogSumExp: reduction(logSumExp),
  ArgMax: argument((x, best) => x > best),
  ArgMin: argument((x, best) => x < best),
  GlobalAveragePool: (op) => [over(op, op.input(0), spatialAxes(op), true, mean)],
  GlobalMaxPool: (op) => [over(op, op.input(0), spatialAxes(op), true, max)],
};

function spatialAxes(op: OpContext): readonly number[] {
  return [...op.input(0).shape.keys()].slice(2);
}
