import { mapRows, type RowMatrix, transpose } from './matrix.ts';

export interface HeadOrder {
  readonly axis: 'rows' | 'columns';
  readonly headSize: number;
  /** For each head of the result, which head of the matrix it is. */
  readonly heads: readonly number[];
  /** The coordinates that are rotated together come to stand otherwise. Absent: they stay. */
  readonly pairs?: RotatedPairs | undefined;
}

/** In heads whose first `size` coordinates are rotated, i and i + size/2 together come to stand as `neighbours` 2i and 2i + 1, or these as `halves`. */
export interface RotatedPairs {
  readonly to: 'halves' | 'neighbours';
  readonly size: number;
  /** How many heads of the result, its first ones, are rotated. */
  readonly heads: number;
}

/** The rows of heads, or their columns, in another order. */
export function orderHeads(matrix: RowMatrix, order: HeadOrder, maxElements: number): RowMatrix {
  const sourceOf = sourcesOf(order);
  if (order.axis === 'columns') return pickColumns(matrix, sourceOf);
  if (matrix.transposeOf !== undefined) return transpose(pickColumns(matrix.transposeOf, sourceOf), maxElements);
  const { columns } = matrix;
  const { headSize, heads } = order;
  return {
    rows: sourceOf.length,
    columns,
    needsAll: matrix.needsAll,
    async read({ start, end }) {
      const result = new Float64Array((end - start) * columns);
      for (let head = Math.floor(start / headSize); head * headSize < end; head++) {
        const first = (heads[head] ?? 0) * headSize;
        const data = await matrix.read({ start: first, end: first + headSize });
        for (let row = Math.max(start, head * headSize); row < Math.min(end, (head + 1) * headSize); row++) {
          const offset = ((sourceOf[row] ?? 0) - first) * columns;
          result.set(data.subarray(offset, offset + columns), (row - start) * columns);
        }
      }
      return result;
    },
  };
}

function pickColumns(matrix: RowMatrix, sourceOf: Int32Array): RowMatrix {
  return mapRows(matrix, (row) => {
    row.set(Float64Array.from(sourceOf, (source) => row[source] ?? Number.NaN));
  });
}

/** For each row of the result the matrix's row that it is. */
function sourcesOf({ headSize, heads, pairs }: HeadOrder): Int32Array {
  const result = new Int32Array(heads.length * headSize);
  for (const [head, source] of heads.entries()) {
    for (let i = 0; i < headSize; i++) {
      result[head * headSize + i] =
        source * headSize + (pairs !== undefined && head < pairs.heads ? paired(i, pairs) : i);
    }
  }
  return result;
}

function paired(i: number, { to, size }: RotatedPairs): number {
  if (i >= size) return i;
  const half = size / 2;
  if (to === 'neighbours') return i % 2 === 0 ? i / 2 : (i - 1) / 2 + half;
  return i < half ? 2 * i : 2 * (i - half) + 1;
}
