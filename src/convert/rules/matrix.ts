import type { DType, Range } from '../../checkpoint/index.ts';

/** A matrix whose rows are computed when they are asked for, so that none is ever in memory as a whole. */
export interface RowMatrix {
  readonly rows: number;
  readonly columns: number;
  /** The rows of a range, row by row, float64, in an array of the caller's own. */
  read(range: Range): Promise<Float64Array>;
  /** The matrix that this one is the transpose of, where it is one: its rows are cheaper to read. */
  readonly transposeOf?: RowMatrix;
  /** Reading any rows passes over all of a matrix. */
  readonly needsAll?: boolean | undefined;
  /** The rows as a file stores them, where it does. */
  readonly stored?: StoredRows;
}

export interface StoredRows {
  readonly dtype: DType;
  read(range: Range): Promise<Uint8Array<ArrayBuffer>>;
}

/** Elements that are computed at once: 64 MiB as float64. */
export const defaultBlockElements = 2 ** 23;

/** Ranges that cover the rows in order, of at most `maxElements` elements each (one row where that is larger). */
export function* blocksOf(
  matrix: Pick<RowMatrix, 'rows' | 'columns'>,
  maxElements = defaultBlockElements,
): Generator<Range> {
  const rowsPerBlock = Math.max(1, Math.floor(maxElements / Math.max(1, matrix.columns)));
  for (let start = 0; start < matrix.rows; start += rowsPerBlock) {
    yield { start, end: Math.min(matrix.rows, start + rowsPerBlock) };
  }
}

/** The whole matrix, row by row. */
export function readAll(matrix: RowMatrix): Promise<Float64Array> {
  return matrix.read({ start: 0, end: matrix.rows });
}

/** A matrix that is in memory, row by row. */
export function matrixOf(data: Float64Array, columns: number): RowMatrix {
  return {
    rows: columns === 0 ? 0 : data.length / columns,
    columns,
    read: async ({ start, end }) => data.slice(start * columns, end * columns),
  };
}

/** A matrix with the same number everywhere. */
export function constantMatrix(rows: number, columns: number, value: number): RowMatrix {
  return { rows, columns, read: async ({ start, end }) => new Float64Array((end - start) * columns).fill(value) };
}

/** The transpose. Every read of some of its rows passes over the whole matrix, block by block. */
export function transpose(matrix: RowMatrix, maxElements = defaultBlockElements): RowMatrix {
  if (matrix.transposeOf !== undefined) return matrix.transposeOf;
  const { rows, columns } = matrix;
  return {
    rows: columns,
    columns: rows,
    transposeOf: matrix,
    needsAll: true,
    async read({ start, end }) {
      const result = new Float64Array((end - start) * rows);
      for (const block of blocksOf(matrix, maxElements)) {
        const data = await matrix.read(block);
        for (let row = block.start; row < block.end; row++) {
          const offset = (row - block.start) * columns;
          for (let i = start; i < end; i++) result[(i - start) * rows + row] = data[offset + i] ?? Number.NaN;
        }
      }
      return result;
    },
  };
}

/** A matrix of the same shape whose rows are changed in place, one at a time. */
export function mapRows(matrix: RowMatrix, change: (row: Float64Array) => void): RowMatrix {
  const { rows, columns, needsAll } = matrix;
  return {
    rows,
    columns,
    needsAll,
    async read(range) {
      const data = await matrix.read(range);
      for (let offset = 0; offset < data.length; offset += columns) change(data.subarray(offset, offset + columns));
      return data;
    },
  };
}

/** Combines every row with the same vector, entry by entry. */
export function combineRows(
  matrix: RowMatrix,
  vector: () => Promise<Float64Array>,
  combine: (value: number, entry: number) => number,
): RowMatrix {
  return {
    rows: matrix.rows,
    columns: matrix.columns,
    needsAll: matrix.needsAll,
    async read(range) {
      const entries = await vector();
      const data = await matrix.read(range);
      for (let offset = 0; offset < data.length; offset += matrix.columns) {
        for (let i = 0; i < matrix.columns; i++) {
          data[offset + i] = combine(data[offset + i] as number, entries[i] ?? Number.NaN);
        }
      }
      return data;
    },
  };
}

/** What `compute` resolves to, computed once, when it is first asked for. */
export function once<T>(compute: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= compute();
    return result;
  };
}
