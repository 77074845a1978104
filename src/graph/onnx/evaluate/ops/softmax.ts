import { sizeOf } from '../../../../core/shape.ts';
import { maximumOf, softmaxRows } from '../../../ops/index.ts';
import { normalizeAxis, type Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { mapRows, withAxisLast } from './rows.ts';

/** Before opset 13 everything from the axis on is one row. */
function overAxis(op: OpContext, f: (x: Value) => Value): Value {
  const x = op.input(0);
  if (x.data.length === 0) return x;
  if (op.version >= 13) return withAxisLast(x, op.int('axis', -1), f);
  const axis = normalizeAxis(op.int('axis', 1), x.shape.length, 'softmax');
  const width = sizeOf(x.shape.slice(axis));
  return { ...f({ ...x, shape: [x.data.length / width, width] }), shape: x.shape };
}

function logSoftmaxRows(x: Value): Value {
  return mapRows(x, x.shape.at(-1) ?? 1, (row, result) => {
    const top = maximumOf(row);
    let total = 0;
    for (const value of row) total += Math.exp(value - top);
    const logTotal = Math.log(total);
    for (let i = 0; i < row.length; i++) result[i] = (row[i] as number) - top - logTotal;
  });
}

function hardmaxRows(x: Value): Value {
  return mapRows(x, x.shape.at(-1) ?? 1, (row, result) => {
    result[row.indexOf(maximumOf(row))] = 1;
  });
}

export const softmaxes: Readonly<Record<string, OpEvaluation>> = {
  Softmax: (op) => [overAxis(op, softmaxRows)],
  LogSoftmax: (op) => [overAxis(op, logSoftmaxRows)],
  Hardmax: (op) => [overAxis(op, hardmaxRows)],
};
