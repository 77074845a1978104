import { sizeOf } from '../../../../core/shape.ts';
import { normalizeAxis, type Value } from '../../../tensor.ts';
import type { OpEvaluation } from '../context.ts';
import { withAxisLast } from './rows.ts';

/** Sums of everything up to an entry, with `exclusive` without it, with `reverse` from the end. */
const cumSum: OpEvaluation = (op) => {
  const exclusive = op.int('exclusive', 0) === 1;
  const reverse = op.int('reverse', 0) === 1;
  const sums = (x: Value): Value => {
    const width = x.shape.at(-1) ?? 1;
    const data = new Float64Array(x.data.length);
    for (let start = 0; start < data.length; start += width) {
      let total = 0;
      for (let i = 0; i < width; i++) {
        const place = start + (reverse ? width - 1 - i : i);
        const value = x.data[place] as number;
        data[place] = exclusive ? total : total + value;
        total += value;
      }
    }
    return { ...x, data };
  };
  return [withAxisLast(op.input(0), op.input(1).data[0] ?? 0, sums)];
};

/** The k largest (or smallest) entries along an axis in order, equal ones by position, and where they were. */
const topK: OpEvaluation = (op) => {
  const x = op.input(0);
  const k = op.version < 10 ? op.int('k', 0) : (op.input(1).data[0] ?? 0);
  const axis = normalizeAxis(op.int('axis', -1), x.shape.length, 'topk');
  const length = x.shape[axis] ?? 0;
  if (!(k >= 0 && k <= length)) op.fail(`asks for ${k} of ${length} entries`);
  const sign = op.int('largest', 1) === 1 ? -1 : 1;
  const pick = (use: (row: Float64Array, index: number) => number) =>
    withAxisLast(x, axis, (rows) => {
      const shape = [...rows.shape.slice(0, -1), k];
      const data = new Float64Array(sizeOf(shape));
      for (let i = 0; i * k < data.length; i++) {
        const row = rows.data.subarray(i * length, (i + 1) * length);
        const order = [...row.keys()].sort((a, b) => sign * ((row[a] as number) - (row[b] as number)) || a - b);
        for (let j = 0; j < k; j++) data[i * k + j] = use(row, order[j] as number);
      }
      return { dtype: rows.dtype, shape, data };
    });
  return [pick((row, index) => row[index] as number), { ...pick((_, index) => index), dtype: 'int' }];
};

export const searches: Readonly<Record<string, OpEvaluation>> = { CumSum: cumSum, TopK: topK };
