import { applySingle, at, formatTypes, type Op, type Tensor, type Value } from '../tensor.ts';
import { mul, sub } from './elementwise.ts';
import { sum } from './reduce.ts';

const softmaxOp: Op<null> = {
  name: 'softmax',
  infer([x]) {
    if (x?.dtype !== 'float' || x.shape.length === 0) {
      throw new RangeError(`graph/softmax: expected floats with at least one axis, got ${formatTypes([x])}`);
    }
    return [x];
  },
  evaluate: (inputs) => [softmaxRows(at(inputs, 0, 'softmax'))],
  gradient({ outputs, outputGradients }) {
    const y = at(outputs, 0, 'softmax');
    const dy = outputGradients[0];
    if (!dy) return [null];
    return [mul(y, sub(dy, sum(mul(dy, y), [-1])))];
  },
  emit: (context, inputs) => context.add('Softmax', inputs, { axis: -1 }),
};

/** Softmax of each row, with the row's maximum taken out first. */
export function softmaxRows(x: Value): Value {
  const width = at(x.shape, x.shape.length - 1, 'softmax');
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < data.length; start += width) {
    const row = x.data.subarray(start, start + width);
    const top = maximumOf(row);
    let total = 0;
    for (let i = 0; i < width; i++) {
      const weight = Math.exp((row[i] as number) - top);
      data[start + i] = weight;
      total += weight;
    }
    for (let i = 0; i < width; i++) data[start + i] = (data[start + i] as number) / total;
  }
  return { dtype: 'float', shape: x.shape, data };
}

export function maximumOf(row: Float64Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const value of row) top = value > top || Number.isNaN(value) ? value : top;
  return top;
}

export const softmaxOps = { softmax: softmaxOp };

/** Softmax over the last axis. */
export const softmax = (x: Tensor): Tensor => applySingle(softmaxOp, [x], null);
