import { formatShape, type Shape, sizeOf } from '../../core/shape.ts';
import { broadcastShapes, broadcastTo, permute } from '../ndarray.ts';
import { applySingle, at, formatTypes, type Op, type Tensor, type Value } from '../tensor.ts';
import { reshape } from './layout.ts';
import { sumTo } from './reduce.ts';

export interface MatmulOptions {
  /** Swap the last two axes of the left factor first. */
  readonly transposeA?: boolean;
  /** Swap the last two axes of the right factor first. */
  readonly transposeB?: boolean;
}

type MatmulAttributes = Required<MatmulOptions>;

const matmulOp: Op<MatmulAttributes> = {
  name: 'matmul',
  infer([a, b], { transposeA, transposeB }) {
    if (a === undefined || b === undefined || a.dtype !== 'float' || b.dtype !== 'float') {
      throw new RangeError(`graph/matmul: expected two float inputs, got ${formatTypes([a, b])}`);
    }
    const [rows, inner] = lastTwo(a.shape, transposeA);
    const [innerB, columns] = lastTwo(b.shape, transposeB);
    if (inner !== innerB) {
      throw new RangeError(
        `graph/matmul: ${formatShape(a.shape)}${transposeA ? 'ᵀ' : ''} and ${formatShape(b.shape)}${transposeB ? 'ᵀ' : ''} ` +
          `disagree on the inner dimension (${inner} and ${innerB})`,
      );
    }
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matmul');
    return [{ dtype: 'float', shape: [...batch, rows, columns] }];
  },
  evaluate(inputs, { transposeA, transposeB }) {
    const a = transposeA ? swapLastTwo(at(inputs, 0, 'matmul')) : at(inputs, 0, 'matmul');
    const b = transposeB ? swapLastTwo(at(inputs, 1, 'matmul')) : at(inputs, 1, 'matmul');
    return [multiply(a, b)];
  },
  gradient({ inputs, outputGradients, attributes: { transposeA, transposeB } }) {
    const [a, b] = inputs;
    const dy = outputGradients[0];
    if (a === undefined || b === undefined || !dy) return [null, null];
    const da = transposeA
      ? matmul(b, dy, { transposeA: transposeB, transposeB: true })
      : matmul(dy, b, { transposeB: !transposeB });
    return [sumTo(da, a.shape), rightGradient(a, b, dy, transposeA, transposeB)];
  },
  emit(context, inputs, { transposeA, transposeB }, types) {
    const factor = (index: number, swap: boolean): string => {
      const name = at(inputs, index, 'matmul');
      const rank = at(types.inputs, index, 'matmul').shape.length;
      return swap ? context.add('Transpose', [name], { perm: swapped(rank) })[0] : name;
    };
    return context.add('MatMul', [factor(0, transposeA), factor(1, transposeB)]);
  },
};

/** A weight that many rows share gets its gradient from one product over all rows, not from one for each batch entry. */
function rightGradient(a: Tensor, b: Tensor, dy: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  if (b.shape.length === 2 && !transposeA && a.shape.length > 2 && isStatic(a.shape)) {
    const rowsA = reshape(a, flattenRows(a.shape));
    const rowsDy = reshape(dy, flattenRows(dy.shape));
    return transposeB ? matmul(rowsDy, rowsA, { transposeA: true }) : matmul(rowsA, rowsDy, { transposeA: true });
  }
  const db = transposeB
    ? matmul(dy, a, { transposeA: true, transposeB: transposeA })
    : matmul(a, dy, { transposeA: !transposeA });
  return sumTo(db, b.shape);
}

function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every((dim) => typeof dim === 'number');
}

function flattenRows(shape: Shape): Shape {
  return [sizeOf(shape.slice(0, -1).map(Number)), at(shape, shape.length - 1, 'matmul')];
}

function lastTwo(shape: Shape, swap: boolean): readonly [number | string, number | string] {
  if (shape.length < 2) throw new RangeError(`graph/matmul: ${formatShape(shape)} has fewer than two axes`);
  const rows = at(shape, shape.length - 2, 'matmul');
  const columns = at(shape, shape.length - 1, 'matmul');
  return swap ? [columns, rows] : [rows, columns];
}

function swapped(rank: number): readonly number[] {
  return [...Array(rank - 2).keys(), rank - 1, rank - 2];
}

function swapLastTwo(x: Value): Value {
  return permute(x, swapped(x.shape.length));
}

/** The product of the last two axes, batch by batch; rows of b are read in order so that the cache helps. */
function multiply(a: Value, b: Value): Value {
  const rows = at(a.shape, a.shape.length - 2, 'matmul');
  const inner = at(a.shape, a.shape.length - 1, 'matmul');
  const columns = at(b.shape, b.shape.length - 1, 'matmul');
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matmul').map(Number);
  const shape = [...batch, rows, columns];
  const count = sizeOf(batch);
  const left = expandBatch(a, [...batch, rows, inner]);
  const right = sizeOf(b.shape.slice(0, -2)) === 1 ? b : expandBatch(b, [...batch, inner, columns]);
  const stepB = right.data.length === inner * columns ? 0 : inner * columns;
  const data = new Float64Array(sizeOf(shape));
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < rows; i++) {
      const row = data.subarray((k * rows + i) * columns, (k * rows + i + 1) * columns);
      for (let p = 0; p < inner; p++) {
        const x = left.data[(k * rows + i) * inner + p] as number;
        const offset = k * stepB + p * columns;
        for (let j = 0; j < columns; j++) row[j] = (row[j] as number) + x * (right.data[offset + j] as number);
      }
    }
  }
  return { dtype: 'float', shape, data };
}

function expandBatch(x: Value, shape: readonly number[]): Value {
  return x.data.length === sizeOf(shape) ? x : broadcastTo(x, shape);
}

export const matmulOps = { matmul: matmulOp };

/** The matrix product over the last two axes; the axes before them broadcast. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  return applySingle(matmulOp, [a, b], {
    transposeA: options.transposeA ?? false,
    transposeB: options.transposeB ?? false,
  });
}
