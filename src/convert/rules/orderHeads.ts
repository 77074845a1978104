import type { Range } from '../../checkpoint/index.ts';
import { byteSizes } from '../../core/dtype.ts';
import { mapRows, type RowMatrix, type StoredRows, transpose } from './matrix.ts';

export interface HeadOrder {
  readonly axis: 'rows' | 'columns';
  readonly headSize: number;
  /** For each head of the result, which head of the matrix it is. */
  readonly heads: readonly number[];
  /** The coordinates that are rotated together come to stand otherwise. Absent: they stay. */
  readonly pairs?: RotatedPairs | undefined;
}

/**
 * In heads whose first `size` coordinates are rotated, i and i + size/2 together come to stand as `neighbours` 2i and 2i + 1,
 * or these as `halves`.
 */
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
  const { columns, stored } = matrix;
  return {
    rows: sourceOf.length,
    columns,
    needsAll: matrix.needsAll,
    async read(range) {
      const result = new Float64Array((range.end - range.start) * columns);
      await gather(range, (source) => matrix.read(source), result, columns);
      return result;
    },
    ...(stored === undefined ? {} : { stored: { dtype: stored.dtype, read: (range) => gatherBytes(range, stored) } }),
  };

  async function gatherBytes(range: Range, { dtype, read }: StoredRows): Promise<Uint8Array<ArrayBuffer>> {
    const rowBytes = columns * byteSizes[dtype];
    const result = new Uint8Array((range.end - range.start) * rowBytes);
    await gather(range, read, result, rowBytes);
    return result;
  }

  /** Fills `result` with rows of the range, head by head; a row has `size` entries. */
  async function gather<T extends Float64Array | Uint8Array>(
    { start, end }: Range,
    read: (source: Range) => Promise<T>,
    result: T,
    size: number,
  ): Promise<void> {
    const { headSize, heads } = order;
    for (let head = Math.floor(start / headSize); head * headSize < end; head++) {
      const first = (heads[head] ?? 0) * headSize;
      const data = await read({ start: first, end: first + headSize });
      for (let row = Math.max(start, head * headSize); row < Math.min(end, (head + 1) * headSize); row++) {
        const offset = ((sourceOf[row] ?? 0) - first) * size;
        result.set(data.subarray(offset, offset + size), (row - start) * size);
      }
    }
  }
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
