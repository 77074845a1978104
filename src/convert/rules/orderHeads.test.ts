import { describe, expect, test } from 'vitest';
import { encode } from '../../core/encoding.ts';
import { matrixOf, type RowMatrix, readAll, transpose } from './matrix.ts';
import { type HeadOrder, orderHeads } from './orderHeads.ts';

const headSize = 6;
const columns = 3;
const source = matrixOf(
  Float64Array.from({ length: 4 * headSize * columns }, (_, i) => i),
  columns,
);
const order: HeadOrder = {
  axis: 'rows',
  headSize,
  heads: [2, 0, 3, 1],
  pairs: { to: 'neighbours', size: 4, heads: 3 },
};

/** The rows of the source by their numbers. */
const rowsOf = (data: Float64Array) => [...data].filter((_, i) => i % columns === 0).map((value) => value / columns);

test('heads come in the order that is asked for, pairs side by side in those that are rotated', async () => {
  expect(rowsOf(await readAll(orderHeads(source, order, 1000)))).toEqual(
    [
      [12, 14, 13, 15, 16, 17],
      [0, 2, 1, 3, 4, 5],
      [18, 20, 19, 21, 22, 23],
      [6, 7, 8, 9, 10, 11],
    ].flat(),
  );
});

test('the way back is the way back', async () => {
  const there = orderHeads(source, order, 1000);
  const back = orderHeads(
    orderHeads(there, { ...order, heads: [0, 1, 2, 3], pairs: { to: 'halves', size: 4, heads: 3 } }, 1000),
    { axis: 'rows', headSize, heads: [1, 3, 0, 2] },
    1000,
  );
  expect(await readAll(back)).toEqual(await readAll(source));
});

describe('whatever is read at once, and however the matrix lies', () => {
  test('blocks', async () => {
    const ordered = orderHeads(source, order, 1000);
    const whole = await readAll(ordered);
    for (const size of [1, 4, 5, 7]) {
      for (let start = 0; start < ordered.rows; start += size) {
        const end = Math.min(ordered.rows, start + size);
        expect(await ordered.read({ start, end })).toEqual(whole.subarray(start * columns, end * columns));
      }
    }
  });

  test('bytes as a file stores them', async () => {
    const bytesOf = (values: Float64Array) => encode(values, 'bfloat16');
    const stored = {
      ...source,
      stored: { dtype: 'bfloat16', read: async (range) => bytesOf(await source.read(range)) },
    } as const satisfies RowMatrix;
    const ordered = orderHeads(stored, order, 1000);
    const range = { start: 4, end: 21 };
    expect(await ordered.stored?.read(range)).toEqual(encode(await ordered.read(range), 'bfloat16'));
  });

  test('a transposed one', async () => {
    const turned = orderHeads(transpose(transposed()), order, 1000);
    expect(await readAll(turned)).toEqual(await readAll(orderHeads(source, order, 1000)));
  });

  test('columns', async () => {
    const row = matrixOf(
      Float64Array.from({ length: 4 * headSize }, (_, i) => i),
      4 * headSize,
    );
    const ordered = await readAll(orderHeads(row, { ...order, axis: 'columns' }, 1000));
    expect([...ordered]).toEqual(rowsOf(await readAll(orderHeads(source, order, 1000))));
  });
});

function transposed() {
  const rows = 4 * headSize;
  const data = Float64Array.from({ length: rows * columns }, (_, i) => (i % rows) * columns + Math.floor(i / rows));
  return matrixOf(data, rows);
}
