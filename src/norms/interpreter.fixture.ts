import type { FusedCall, OpBuilder } from '../core/builder.ts';

/** A matrix; a vector is one row, a scalar one entry, the statistics of rows one column. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

export function matrix(rows: number, columns: number, f: (row: number, column: number) => number): Matrix {
  const entry = (_: unknown, i: number) => f(Math.floor(i / columns), i % columns);
  return { rows, columns, data: Float64Array.from({ length: rows * columns }, entry) };
}

export const fromArray = (data: Float64Array, columns: number): Matrix => ({
  rows: data.length / columns,
  columns,
  data,
});

const at = (m: Matrix, row: number, column: number): number =>
  m.data[(m.rows === 1 ? 0 : row) * m.columns + (m.columns === 1 ? 0 : column)] ?? Number.NaN;

/**
 * Runs a lowering at once, by the definition of each operation. Every result is rounded by `round`: `Math.fround` for
 * what float32 does, nothing for float64. `largeResults` counts the elementwise and fused results as large as `x`.
 */
export function interpreter(round: (value: number) => number = (value) => value) {
  let size = 0;
  let largeResults = 0;
  const result = (rows: number, columns: number, f: (row: number, column: number) => number): Matrix => {
    const m = matrix(rows, columns, (row, column) => round(f(row, column)));
    if (m.data.length === size) largeResults++;
    return m;
  };
  const dim = (a: number, b: number): number => {
    if (a !== b && a !== 1 && b !== 1) throw new Error(`${a} and ${b} don't broadcast`);
    return Math.max(a, b);
  };
  const binary = (f: (a: number, b: number) => number) => (a: Matrix, b: Matrix) =>
    result(dim(a.rows, b.rows), dim(a.columns, b.columns), (r, c) => f(at(a, r, c), at(b, r, c)));
  const unary = (f: (x: number) => number) => (x: Matrix) => result(x.rows, x.columns, (r, c) => f(at(x, r, c)));
  const reduce = (m: Matrix, row: number, f = (value: number) => value): number => {
    let total = 0;
    for (let column = 0; column < m.columns; column++) total += f(at(m, row, column));
    return total;
  };

  const fused = ({ opType, inputs, attributes, outputs, domain }: FusedCall<Matrix>): readonly Matrix[] => {
    const [x, scale, bias] = inputs;
    const epsilon = attributes.epsilon;
    if (!x || !scale || domain || attributes.axis !== -1 || typeof epsilon !== 'object') {
      throw new Error(`${opType} is called in a way that ONNX Runtime doesn't know`);
    }
    if (scale.data.length !== x.columns) throw new Error(`${opType} needs a scale of [width]`);
    const centred = opType === 'LayerNormalization';
    if (!centred && opType !== 'SimplifiedLayerNormalization') throw new Error(`no such operator: ${opType}`);
    const mean = matrix(x.rows, 1, (r) => (centred ? reduce(x, r) / x.columns : 0));
    const inverse = matrix(x.rows, 1, (r) => {
      const meanSquare = reduce(x, r, (value) => (value - at(mean, r, 0)) ** 2) / x.columns;
      return round(1 / Math.sqrt(meanSquare + epsilon.float));
    });
    const y = result(x.rows, x.columns, (r, c) => {
      const normalized = (at(x, r, c) - at(mean, r, 0)) * at(inverse, r, 0);
      return normalized * at(scale, 0, c) + (bias ? at(bias, 0, c) : 0);
    });
    return (centred ? [y, mean, inverse] : [y, inverse]).slice(0, outputs);
  };

  const b: OpBuilder<Matrix> = {
    constant: (value) => matrix(1, 1, () => round(value)),
    ones: (width) => matrix(1, width, () => 1),
    add: binary((a, c) => a + c),
    sub: binary((a, c) => a - c),
    mul: binary((a, c) => a * c),
    div: binary((a, c) => a / c),
    sqrt: unary(Math.sqrt),
    reciprocal: unary((x) => 1 / x),
    tanh: unary(Math.tanh),
    mean: (x) => result(x.rows, 1, (r) => reduce(x, r) / x.columns),
    sum: (x) => result(x.rows, 1, (r) => reduce(x, r)),
    sumRows: (x) =>
      result(1, x.columns, (_, c) =>
        reduce(
          matrix(1, x.rows, (__, r) => at(x, r, c)),
          0,
        ),
      ),
    sumAll: (x) => result(1, 1, () => x.data.reduce((total, value) => total + value, 0)),
    slice: (x, start, end) => result(x.rows, end - start, (r, c) => x.data[r * x.columns + start + c] ?? Number.NaN),
    padEnd: (x, count) =>
      result(x.rows, x.columns + count, (r, c) => (c < x.columns ? (x.data[r * x.columns + c] ?? Number.NaN) : 0)),
    fused,
  };
  return {
    b,
    /** Starts counting, for an `x` of `entries`; give it rows enough that nothing else is as large. */
    countFrom: (entries: number) => {
      size = entries;
      largeResults = 0;
    },
    largeResults: () => largeResults,
  };
}
