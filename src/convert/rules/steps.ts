import { kindOf, type NormSpec } from '../../models/index.ts';
import { centreHeads } from './centreHeads.ts';
import { fillWithBound, fitRows, normRows } from './embeddingNorm.ts';
import {
  blocksOf,
  combineRows,
  defaultBlockElements,
  mapRows,
  once,
  type RowMatrix,
  readAll,
  transpose,
} from './matrix.ts';

/**
 * One operation on a parameter in its canonical shape: a linear's weight is `[outSize, inSize]`, a vector is one row.
 *
 * `centreRows`: x − mean(x) for each row. `centreColumns`: A − (1/d)·11ᵀA, the mean of each column over the rows.
 * `addConstant`: to every entry. `scaleColumns`: A·diag(v + offset). `addProduct`: x + (Av)ᵀ for one row x.
 * `subtractLastColumn`: A − a_d·1ᵀ. `normRows`: N(x) for each row. `centreHeads`: `centreColumns` in each group of heads
 * alone, or `centreRows` in it; a group is the list of its heads' first rows or columns.
 *
 * `fitRows` is the row that LayerNorm with the weight c and no bias maps to x, of mean 0: with r² = mean(x²) it is
 * x·√(ε / (c² − r²)), since what has the mean square v becomes c·√(v / (v + ε)) times as large as one of mean square 1.
 * `fillWithBound` is that c in every entry: a power of two above max|γ| + √mean((β − mean β)²), which no r reaches. The names are those of parameters of the source. [Pre-RMSNorm §3.1, §3.2]
 */
export type Step =
  | { readonly kind: 'centreRows' }
  | { readonly kind: 'centreColumns' }
  | { readonly kind: 'addConstant'; readonly value: number }
  | { readonly kind: 'scaleColumns'; readonly by: string; readonly offset: number }
  | { readonly kind: 'addProduct'; readonly weight: string; readonly vector: string }
  | { readonly kind: 'subtractLastColumn' }
  | { readonly kind: 'dropLastColumn' }
  | { readonly kind: 'dropLastRow' }
  | { readonly kind: 'normRows'; readonly norm: NormSpec; readonly parameters: string }
  | { readonly kind: 'fitRows'; readonly parameters: string; readonly bias: boolean; readonly epsilon: number }
  | { readonly kind: 'fillWithBound'; readonly parameters: string; readonly bias: boolean }
  | {
      readonly kind: 'centreHeads';
      readonly axis: 'rows' | 'columns';
      readonly headSize: number;
      readonly groups: readonly (readonly number[])[];
    };

/** Gives a parameter of the source in its canonical shape. Throws where there is none of that name. */
export type Parameters = (name: string) => RowMatrix;

/** Applies a step; nothing is read before the result is. */
export function applyStep(
  matrix: RowMatrix,
  step: Step,
  parameters: Parameters,
  maxElements = defaultBlockElements,
): RowMatrix {
  switch (step.kind) {
    case 'centreRows':
      return mapRows(matrix, (row) => addTo(row, -meanOf(row)));
    case 'centreColumns':
      return centreColumns(matrix, maxElements);
    case 'addConstant':
      return mapRows(matrix, (row) => addTo(row, step.value));
    case 'scaleColumns':
      return scaleColumns(matrix, parameters(step.by), step.offset, maxElements);
    case 'addProduct':
      return addProduct(matrix, parameters(step.weight), parameters(step.vector), maxElements);
    case 'subtractLastColumn':
      return mapRows(matrix, (row) => addTo(row, -(row.at(-1) ?? Number.NaN)));
    case 'dropLastColumn':
      return dropLastColumn(matrix);
    case 'dropLastRow':
      return {
        rows: matrix.rows - 1,
        columns: matrix.columns,
        needsAll: matrix.needsAll,
        read: (range) => matrix.read(range),
      };
    case 'normRows':
      return normRows(matrix, step.norm, (name) => parameters(`${step.parameters}.${name}`));
    case 'fitRows':
      return fitRows(matrix, step.epsilon, (name) => parameters(`${step.parameters}.${name}`), step.bias);
    case 'fillWithBound':
      return fillWithBound(matrix, (name) => parameters(`${step.parameters}.${name}`), step.bias);
    case 'centreHeads':
      return centreHeads(matrix, step, maxElements);
  }
}

/** A step in words, as certificates name it. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'centreRows':
      return 'centre rows (mean over the hidden dimension)';
    case 'centreColumns':
      return 'centre columns (mean over the hidden dimension)';
    case 'addConstant':
      return `add ${step.value}`;
    case 'scaleColumns':
      return `fold in ${step.by}${step.offset === 0 ? '' : ` + ${step.offset}`}`;
    case 'addProduct':
      return `add ${step.weight} · ${step.vector}`;
    case 'subtractLastColumn':
      return 'subtract the last column from every column';
    case 'dropLastColumn':
      return 'drop the last column';
    case 'dropLastRow':
      return 'drop the last row';
    case 'normRows':
      return `apply ${step.parameters} to each row`;
    case 'fitRows':
      return `scale each row to what ${step.parameters} with its new weight maps to it`;
    case 'fillWithBound':
      return 'fill with a power of two above the size of what it gave';
    case 'centreHeads':
      return `centre ${step.axis} in each of ${step.groups.length} groups that a norm reads`;
  }
}

/** The parameters of a norm that a step takes into a linear. */
export function foldedParameters(step: Step): readonly string[] {
  if (step.kind === 'scaleColumns') return [step.by];
  if (step.kind === 'normRows') return kindOf(step.norm).parameters.map(({ name }) => `${step.parameters}.${name}`);
  return step.kind === 'addProduct' ? [step.vector] : [];
}

/** What is summed at once: it stays in a processor's cache. */
const summedElements = 2 ** 18;

/** Two passes: the means, then the rows. A transposed matrix has its columns as rows, so that one pass is enough. */
function centreColumns(matrix: RowMatrix, maxElements: number): RowMatrix {
  if (matrix.transposeOf !== undefined) {
    return transpose(
      mapRows(matrix.transposeOf, (row) => addTo(row, -meanOf(row))),
      maxElements,
    );
  }
  const means = once(async () => {
    const sums = new Float64Array(matrix.columns);
    for (const block of blocksOf(matrix, matrix.needsAll ? maxElements : Math.min(maxElements, summedElements))) {
      const data = await matrix.read(block);
      for (let offset = 0; offset < data.length; offset += matrix.columns) {
        for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (data[offset + i] as number);
      }
    }
    return sums.map((sum) => sum / matrix.rows);
  });
  return combineRows(matrix, means, (value, mean) => value - mean);
}

function scaleColumns(matrix: RowMatrix, vector: RowMatrix, offset: number, maxElements: number): RowMatrix {
  const factors = once(() => readAll(vector));
  if (matrix.transposeOf !== undefined) return transpose(scaleRows(matrix.transposeOf, factors, offset), maxElements);
  return combineRows(matrix, factors, (value, factor) => value * (factor + offset));
}

function scaleRows(matrix: RowMatrix, factors: () => Promise<Float64Array>, offset: number): RowMatrix {
  const { rows, columns, needsAll } = matrix;
  return {
    rows,
    columns,
    needsAll,
    async read(range) {
      const [data, all] = await Promise.all([matrix.read(range), factors()]);
      for (let row = range.start; row < range.end; row++) {
        const factor = (all[row] ?? Number.NaN) + offset;
        const start = (row - range.start) * columns;
        for (let i = start; i < start + columns; i++) data[i] = (data[i] as number) * factor;
      }
      return data;
    },
  };
}

function addProduct(row: RowMatrix, weight: RowMatrix, vector: RowMatrix, maxElements: number): RowMatrix {
  const product = once(async () => {
    const factors = await readAll(vector);
    const result = new Float64Array(weight.rows);
    for (const block of blocksOf(weight, maxElements)) {
      const data = await weight.read(block);
      for (let i = block.start; i < block.end; i++) {
        const offset = (i - block.start) * weight.columns;
        let sum = 0;
        for (let j = 0; j < weight.columns; j++) sum += (data[offset + j] ?? Number.NaN) * (factors[j] ?? Number.NaN);
        result[i] = sum;
      }
    }
    return result;
  });
  return combineRows(row, product, (value, added) => value + added);
}

function dropLastColumn(matrix: RowMatrix): RowMatrix {
  const columns = matrix.columns - 1;
  return {
    rows: matrix.rows,
    columns,
    needsAll: matrix.needsAll,
    async read(range) {
      const data = await matrix.read(range);
      const result = new Float64Array((range.end - range.start) * columns);
      for (let row = 0; row < range.end - range.start; row++) {
        const start = row * matrix.columns;
        result.set(data.subarray(start, start + columns), row * columns);
      }
      return result;
    },
  };
}

function meanOf(row: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i] as number;
  return sum / row.length;
}

function addTo(row: Float64Array, value: number): void {
  for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) + value;
}
