import type { NormSpec } from '../../models/index.ts';
import { normKind } from '../../norms/index.ts';
import { combineRows, mapRows, once, type RowMatrix, readAll } from './matrix.ts';

/** Gives a parameter of the norm by its own name. */
type NormParameters = (name: string) => RowMatrix;

/** Each row as a norm gives it. */
export function normRows(matrix: RowMatrix, norm: NormSpec, parameters: NormParameters): RowMatrix {
  const kind = normKind(norm.kind);
  const values = once(async () =>
    Object.fromEntries(
      await Promise.all(kind.parameters.map(async ({ name }) => [name, await readAll(parameters(name))] as const)),
    ),
  );
  return {
    rows: matrix.rows,
    columns: matrix.columns,
    async read(range) {
      const context = { width: matrix.columns, epsilon: norm.epsilon };
      return kind.forward(await matrix.read(range), await values(), context);
    },
  };
}

/** Each row, of mean 0, as what LayerNorm with the weight c of `fillWithBound` and no bias maps to it. */
export function fitRows(matrix: RowMatrix, epsilon: number, parameters: NormParameters, hasBias: boolean): RowMatrix {
  const bound = boundOf(parameters, hasBias);
  return {
    rows: matrix.rows,
    columns: matrix.columns,
    async read(range) {
      const square = (await bound()) ** 2;
      const rows = mapRows(matrix, (row) => {
        const factor = Math.sqrt(epsilon / (square - meanSquare(row)));
        for (let i = 0; i < row.length; i++) row[i] = (row[i] ?? Number.NaN) * factor;
      });
      return rows.read(range);
    },
  };
}

/** The weight c in every entry. */
export function fillWithBound(matrix: RowMatrix, parameters: NormParameters, hasBias: boolean): RowMatrix {
  const bound = boundOf(parameters, hasBias);
  return combineRows(
    matrix,
    once(async () => new Float64Array(matrix.columns).fill(await bound())),
    (_, entry) => entry,
  );
}

/** float16 holds what is twice as large without loss. */
const leastBound = 2 ** -15;

/** A power of two, which every type of element holds, above the root mean square of anything the norm gives, recentred. */
function boundOf(parameters: NormParameters, hasBias: boolean): () => Promise<number> {
  return once(async () => {
    const weight = await readAll(parameters('weight'));
    const bias = hasBias ? await readAll(parameters('bias')) : new Float64Array(weight.length);
    const mean = bias.reduce((sum, value) => sum + value, 0) / bias.length;
    const spread = Math.sqrt(meanSquare(bias.map((value) => value - mean)));
    const largest = weight.reduce((most, value) => Math.max(most, Math.abs(value)), 0) + spread;
    return 2 ** (Math.floor(Math.log2(Math.max(largest, leastBound))) + 1);
  });
}

function meanSquare(row: Float64Array): number {
  let sum = 0;
  for (const value of row) sum += value * value;
  return sum / row.length;
}
