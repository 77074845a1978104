import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matrixOf, type RowMatrix, readAll, transpose } from './matrix.ts';
import { applyStep, type Step } from './steps.ts';

const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const matrix = fc
  .tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 2, max: 6 }))
  .chain(([rows, columns]) =>
    fc
      .array(number, { minLength: rows * columns, maxLength: rows * columns })
      .map((data) => ({ rows, columns, data: Float64Array.from(data) })),
  );

const none = (name: string): RowMatrix => {
  throw new Error(`no ${name}`);
};

async function run(step: Step, data: readonly number[], columns: number, parameters: Record<string, number[]> = {}) {
  const lookUp = (name: string) => matrixOf(Float64Array.from(parameters[name] ?? []), parameters[name]?.length ?? 0);
  return [...(await readAll(applyStep(matrixOf(Float64Array.from(data), columns), step, lookUp)))];
}

test('each step does what its formula says', async () => {
  const a = [1, 2, 6, 10, 20, 60];
  expect(await run({ kind: 'centreRows' }, a, 3)).toEqual([-2, -1, 3, -20, -10, 30]);
  expect(await run({ kind: 'centreColumns' }, a, 3)).toEqual([-4.5, -9, -27, 4.5, 9, 27]);
  expect(await run({ kind: 'addConstant', value: 1 }, a, 3)).toEqual([2, 3, 7, 11, 21, 61]);
  expect(await run({ kind: 'subtractLastColumn' }, a, 3)).toEqual([-5, -4, 0, -50, -40, 0]);
  expect(await run({ kind: 'dropLastColumn' }, a, 3)).toEqual([1, 2, 10, 20]);
  expect(await run({ kind: 'dropLastRow' }, a, 3)).toEqual([1, 2, 6]);
  const gain = { kind: 'scaleColumns', by: 'gain', offset: 1 } as const;
  expect(await run(gain, a, 3, { gain: [0, 1, 2] })).toEqual([1, 4, 18, 10, 40, 180]);
});

test('addProduct adds the weight times the vector', async () => {
  const parameters: Record<string, RowMatrix> = {
    weight: matrixOf(Float64Array.of(1, 2, 3, 4, 5, 6), 3),
    vector: matrixOf(Float64Array.of(1, 10, 100), 3),
  };
  const bias = matrixOf(Float64Array.of(0.5, -0.5), 2);
  const step = { kind: 'addProduct', weight: 'weight', vector: 'vector' } as const;
  const result = applyStep(bias, step, (name) => parameters[name] ?? none(name));
  expect([...(await readAll(result))]).toEqual([321.5, 653.5]);
});

test('centreHeads takes the mean of each group out of it, and leaves the other heads', async () => {
  const heads = { kind: 'centreHeads', headSize: 2, groups: [[0, 4], [2]] } as const;
  expect(await run({ ...heads, axis: 'columns' }, [1, 2, 10, 20, 3, 6, 7, 8], 8)).toEqual([-2, -1, -5, 5, 0, 3, 7, 8]);
  expect(await run({ ...heads, axis: 'rows' }, [1, 2, 10, 20, 3, 6, 7, 8], 1)).toEqual([-2, -1, -5, 5, 0, 3, 7, 8]);
});

test('the norm on the embeddings can be made to give its own rows without their means', async () => {
  const vector = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 4, maxLength: 4 });
  const epsilon = fc.constantFrom(1e-12, 1e-5, 0.1);
  await fc.assert(
    fc.asyncProperty(vector, vector, vector, epsilon, async (x, weight, bias, eps) => {
      const parameters = { 'n.weight': weight, 'n.bias': bias };
      const norm = { kind: 'layernorm', epsilon: eps };
      const given = await run({ kind: 'normRows', norm, parameters: 'n' }, x, 4, parameters);
      const wanted = await run({ kind: 'centreRows' }, given, 4);
      const fit = { kind: 'fitRows', parameters: 'n', bias: true, epsilon: eps } as const;
      const row = await run(fit, wanted, 4, parameters);
      const fill = { kind: 'fillWithBound', parameters: 'n', bias: true } as const;
      const filled = await run(fill, weight, 4, parameters);
      expect(Number.isInteger(Math.log2(filled[0] ?? 0))).toBe(true);
      const again = { 'm.weight': filled, 'm.bias': [0, 0, 0, 0] };
      const result = await run({ kind: 'normRows', norm, parameters: 'm' }, row, 4, again);
      for (const [i, value] of result.entries()) {
        expect(Math.abs(value - (wanted[i] ?? Number.NaN))).toBeLessThan(1e-12 * (filled[0] ?? 0));
      }
    }),
  );
});

const rewriting = ['centreRows', 'centreColumns', 'subtractLastColumn', 'dropLastColumn', 'dropLastRow'] as const;

test('blocks of any size give the same numbers, bit for bit', async () => {
  await fc.assert(
    fc.asyncProperty(matrix, fc.constantFrom(...rewriting), fc.integer({ min: 1, max: 9 }), async (m, kind, block) => {
      const whole = applyStep(matrixOf(m.data, m.columns), { kind }, none);
      const inBlocks = applyStep(matrixOf(m.data, m.columns), { kind }, none, block);
      const rows = [];
      for (let start = 0; start < inBlocks.rows; start++) {
        rows.push(...(await inBlocks.read({ start, end: start + 1 })));
      }
      expect(rows).toEqual([...(await readAll(whole))]);
    }),
  );
});

test('a transposed matrix gives the transpose of what the matrix gives', async () => {
  const mirrored: [Step['kind'] & (typeof rewriting)[number], Step['kind'] & (typeof rewriting)[number]][] = [
    ['centreRows', 'centreColumns'],
    ['centreColumns', 'centreRows'],
    ['dropLastRow', 'dropLastColumn'],
  ];
  await fc.assert(
    fc.asyncProperty(matrix, fc.constantFrom(...mirrored), async (m, [kind, mirror]) => {
      const stored = matrixOf(m.data, m.columns);
      const result = await readAll(applyStep(transpose(stored, 5), { kind }, none, 5));
      const expected = await readAll(transpose(applyStep(stored, { kind: mirror }, none)));
      for (const [i, value] of result.entries()) expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 6);
    }),
  );
});

test('heads are the same in blocks of any size, and in a transposed matrix', async () => {
  await fc.assert(
    fc.asyncProperty(matrix, fc.integer({ min: 1, max: 9 }), async (m, block) => {
      const step = { kind: 'centreHeads', headSize: 1, groups: [[0, m.rows - 1]], axis: 'rows' } as const;
      const whole = await readAll(applyStep(matrixOf(m.data, m.columns), step, none));
      expect(await readAll(applyStep(matrixOf(m.data, m.columns), step, none, block))).toEqual(whole);
      const turned = matrixOf(await readAll(transpose(matrixOf(m.data, m.columns))), m.rows);
      const result = await readAll(applyStep(transpose(turned, block), step, none, block));
      for (const [i, value] of result.entries()) expect(value).toBeCloseTo(whole[i] ?? Number.NaN, 6);
    }),
  );
});

test('the transpose of a transpose is the matrix itself, without a copy', () => {
  const m = matrixOf(Float64Array.of(1, 2, 3, 4), 2);
  expect(transpose(transpose(m))).toBe(m);
});

test('centring leaves means of 0', async () => {
  await fc.assert(
    fc.asyncProperty(matrix, async (m) => {
      const centred = await readAll(applyStep(matrixOf(m.data, m.columns), { kind: 'centreColumns' }, none));
      for (let j = 0; j < m.columns; j++) {
        let sum = 0;
        for (let i = 0; i < m.rows; i++) sum += centred[i * m.columns + j] ?? Number.NaN;
        expect(Math.abs(sum)).toBeLessThan(1e-8);
      }
    }),
  );
});
