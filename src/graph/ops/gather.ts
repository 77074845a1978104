import { formatShape, type Shape, sameShape, sizeOf } from '../../core/shape.ts';
import { applySingle, at, formatTypes, type Op, type Tensor } from '../tensor.ts';

const gatherOp: Op<null> = {
  name: 'gather',
  infer([table, ids]) {
    const [rows, width] = table?.shape ?? [];
    const fits = table?.dtype === 'float' && table.shape.length === 2 && ids?.dtype === 'int';
    if (!fits || rows === undefined || typeof width !== 'number') {
      throw new RangeError(
        `graph/gather: expected a float table [rows, width] of a known width and int ids, got ${formatTypes([table, ids])}`,
      );
    }
    return [{ dtype: 'float', shape: [...ids.shape, width] }];
  },
  evaluate(inputs) {
    const table = at(inputs, 0, 'gather');
    const ids = at(inputs, 1, 'gather');
    const [rows, width] = [at(table.shape, 0, 'gather'), at(table.shape, 1, 'gather')];
    const shape = [...ids.shape, width];
    const data = new Float64Array(sizeOf(shape));
    for (let i = 0; i < ids.data.length; i++) {
      const row = checkedRow(at(ids.data, i, 'ids'), rows);
      data.set(table.data.subarray(row * width, (row + 1) * width), i * width);
    }
    return [{ dtype: 'float', shape, data }];
  },
  gradient({ inputs, outputGradients }) {
    const [table, ids] = inputs;
    const dy = outputGradients[0];
    if (table === undefined || ids === undefined || !dy) return [null, null];
    if (typeof table.shape[0] !== 'number') {
      throw new RangeError(`graph/gather: the gradient of ${formatTypes([table])} needs a known number of rows`);
    }
    return [applySingle(scatterRowsOp, [ids, dy], { shape: table.shape }), null];
  },
  emit: (context, inputs) => context.add('Gather', inputs, { axis: 0 }),
};

/** Below this many rows a product with one-hot vectors is faster than a scatter, which runs on one thread. */
const oneHotRows = 1024;

const scatterRowsOp: Op<{ readonly shape: Shape }> = {
  name: 'scatterRows',
  infer([ids, dy], { shape }) {
    if (ids?.dtype !== 'int' || dy?.dtype !== 'float' || !sameShape(dy.shape, [...ids.shape, ...shape.slice(1)])) {
      throw new RangeError(
        `graph/scatterRows: expected int ids and a row of ${formatShape(shape)} for each, got ${formatTypes([ids, dy])}`,
      );
    }
    return [{ dtype: 'float', shape }];
  },
  evaluate(inputs, { shape }) {
    const ids = at(inputs, 0, 'scatterRows').data;
    const dy = at(inputs, 1, 'scatterRows').data;
    const [rows, width] = [Number(shape[0]), Number(shape[1])];
    const data = new Float64Array(rows * width);
    for (let i = 0; i < ids.length; i++) {
      const offset = checkedRow(at(ids, i, 'ids'), rows) * width;
      for (let j = 0; j < width; j++) data[offset + j] = (data[offset + j] as number) + (dy[i * width + j] as number);
    }
    return [{ dtype: 'float', shape: [rows, width], data }];
  },
  emit(context, inputs, { shape }) {
    const [rows, width] = [Number(shape[0]), Number(shape[1])];
    const [ids] = context.add('Reshape', [inputs[0] ?? '', context.ints([-1])]);
    const [dy] = context.add('Reshape', [inputs[1] ?? '', context.ints([-1, width])]);
    if (rows <= oneHotRows) {
      const [oneHot] = context.add('OneHot', [ids, context.int(rows), context.vector([0, 1])], { axis: 0 });
      return context.add('MatMul', [oneHot, dy]);
    }
    const [zeros] = context.add('Expand', [context.scalar(0), context.ints([rows, width])]);
    const [column] = context.add('Unsqueeze', [ids, context.ints([1])]);
    const [target] = context.add('Shape', [dy]);
    const [indices] = context.add('Expand', [column, target]);
    // ScatterElements, never ScatterND: the latter loses updates with two threads.
    return context.add('ScatterElements', [zeros, indices, dy], { axis: 0, reduction: { text: 'add' } });
  },
};

function checkedRow(row: number, rows: number): number {
  if (row < 0 || row >= rows)
    throw new RangeError(`graph/gather: the id ${row} is out of range for a table of ${rows} rows`);
  return row;
}

export const gatherOps = { gather: gatherOp, scatterRows: scatterRowsOp };

/** The rows of a table `[rows, width]` that ids `[...]` name: `[..., width]`. An embedding. */
export const gather = (table: Tensor, ids: Tensor): Tensor => applySingle(gatherOp, [table, ids], null);
