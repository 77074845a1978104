import { sizeOf } from '../../../../core/shape.ts';
import { broadcastTo } from '../../../ndarray.ts';
import { normalizeAxis, type Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { pairs } from './elementwise.ts';
import { mapRows, withAxisLast } from './rows.ts';

/** The statistics of each row. */
export interface RowStatistics {
  readonly normalized: Value;
  readonly mean: Float64Array;
  /** 1/√(variance + ε), or 1/√(mean square + ε) where the mean is not taken out. */
  readonly inverse: Float64Array;
}

/** Normalizes each row of `width` elements, in two passes. */
export function normalizeRows(x: Value, width: number, epsilon: number, centred: boolean): RowStatistics {
  const rows = x.data.length / width || 0;
  const mean = new Float64Array(rows);
  const inverse = new Float64Array(rows);
  const normalized = mapRows(x, width, (row, result, index) => {
    let sum = 0;
    if (centred) for (const value of row) sum += value;
    const centre = sum / width;
    let squares = 0;
    for (const value of row) squares += (value - centre) ** 2;
    const factor = 1 / Math.sqrt(squares / width + epsilon);
    for (let i = 0; i < width; i++) result[i] = ((row[i] as number) - centre) * factor;
    mean[index] = centre;
    inverse[index] = factor;
  });
  return { normalized, mean, inverse };
}

/** x̂·scale + bias over the axes from `axis` on. */
function layerNorm(op: OpContext, x: Value, scale: Value, bias: Value | undefined, centred: boolean, epsilon: number) {
  const axis = normalizeAxis(op.int('axis', -1), x.shape.length, 'norm');
  const statistics = normalizeRows(x, sizeOf(x.shape.slice(axis)), epsilon, centred);
  const weighted = pairs(op, statistics.normalized, scale, (value, weight) => value * weight);
  const y = bias === undefined ? weighted : pairs(op, weighted, bias, (value, shift) => value + shift);
  const shape = x.shape.map((length, i) => (i < axis ? length : 1));
  const row = (data: Float64Array): Value => ({ dtype: 'float', shape, data });
  return { y, mean: row(statistics.mean), inverse: row(statistics.inverse) };
}

const layerNormalization: OpEvaluation = (op) => {
  const { y, mean, inverse } = layerNorm(op, op.input(0), op.input(1), op.inputs[2], true, op.float('epsilon', 1e-5));
  return [y, mean, inverse];
};

const rmsNormalization: OpEvaluation = (op) => {
  const { y, inverse } = layerNorm(op, op.input(0), op.input(1), undefined, false, op.float('epsilon', 1e-5));
  return [y, inverse];
};

/** LayerNorm of input + skip + bias; the sum is the fourth output. */
const skipNorm =
  (centred: boolean): OpEvaluation =>
  (op) => {
    const x = op.input(0);
    const add = (a: Value, b: Value) => pairs(op, a, b, (p, q) => p + q);
    const skipped = add(x, broadcastTo(op.input(1), x.shape));
    const bias = op.inputs[centred ? 4 : 3];
    const sum = bias === undefined ? skipped : add(skipped, bias);
    const shift = centred ? op.inputs[3] : undefined;
    const { y, mean, inverse } = layerNorm(op, sum, op.input(2), shift, centred, op.float('epsilon', 1e-12));
    return [y, mean, inverse, sum];
  };

/** An lp norm of 1 along an axis. */
const lpNormalization: OpEvaluation = (op) => {
  const x = op.input(0);
  const p = op.int('p', 2);
  const ofRows = (rows: Value) =>
    mapRows(rows, rows.shape.at(-1) ?? 1, (row, result) => {
      let total = 0;
      for (const value of row) total += p === 1 ? Math.abs(value) : value * value;
      const length = p === 1 ? total : Math.sqrt(total);
      for (let i = 0; i < row.length; i++) result[i] = (row[i] as number) / length;
    });
  return [withAxisLast(x, op.int('axis', -1), ofRows)];
};

export const norms: Readonly<Record<string, OpEvaluation>> = {
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  // ONNX Runtime puts its own operator into the default domain.
  SimplifiedLayerNormalization: rmsNormalization,
  LpNormalization: lpNormalization,
};

export const microsoftNorms: Readonly<Record<string, OpEvaluation>> = {
  SimplifiedLayerNormalization: rmsNormalization,
  SkipLayerNormalization: skipNorm(true),
  SkipSimplifiedLayerNormalization: skipNorm(false),
};
