import { sizeOf } from '../../../../core/shape.ts';
import { makeValue, normalizeAxis, type Value } from '../../../tensor.ts';
import { dtypeOfCode } from '../../dtypes.ts';
import type { OpEvaluation } from '../context.ts';
import { elementTypeOf, onnxValue } from '../values.ts';

const constant: OpEvaluation = (op) => {
  const tensor = op.tensor('value');
  if (tensor !== undefined) return [onnxValue(tensor)];
  const ints = op.ints('value_ints');
  if (ints !== undefined) return [makeValue('int', [ints.length], ints)];
  const floats = op.floats('value_floats');
  if (floats !== undefined) return [makeValue('float', [floats.length], floats)];
  if (op.has('value_int')) return [makeValue('int', [], [op.int('value_int', 0)])];
  if (op.has('value_float')) return [makeValue('float', [], [op.float('value_float', 0)])];
  return op.unsupported('without a dense value is not supported');
};

const constantOfShape: OpEvaluation = (op) => {
  const shape = op.sized(Array.from(op.input(0).data));
  const tensor = op.tensor('value');
  const value = tensor === undefined ? makeValue('float', [], [0]) : onnxValue(tensor);
  return [{ dtype: value.dtype, shape, data: new Float64Array(sizeOf(shape)).fill(value.data[0] ?? Number.NaN) }];
};

const range: OpEvaluation = (op) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => op.input(i).data[0] ?? Number.NaN);
  if (start === undefined || limit === undefined || delta === undefined) return op.fail('has too few inputs');
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  const shape = op.sized([count]);
  return [{ dtype: op.input(0).dtype, shape, data: Float64Array.from({ length: count }, (_, i) => start + i * delta) }];
};

/** Keeps the upper or the lower triangle of the last two axes. */
const trilu: OpEvaluation = (op) => {
  const x = op.input(0);
  const diagonal = op.inputs[1]?.data[0] ?? 0;
  const upper = op.int('upper', 1) === 1;
  const [rows, columns] = [x.shape.at(-2) ?? 1, x.shape.at(-1) ?? 1];
  const data = x.data.map((value, i) => {
    const distance = (i % columns) - (Math.floor(i / columns) % rows);
    return (upper ? distance >= diagonal : distance <= diagonal) ? value : 0;
  });
  return [{ ...x, data }];
};

const eyeLike: OpEvaluation = (op) => {
  const { dtype, shape } = op.input(0);
  const [rows = 0, columns = 0] = shape;
  const k = op.int('k', 0);
  const data = Float64Array.from({ length: rows * columns }, (_, i) =>
    (i % columns) - Math.floor(i / columns) === k ? 1 : 0,
  );
  const own = op.has('dtype') ? elementTypeOf(dtypeOfCode(op.int('dtype', 0), 'onnx/evaluate: EyeLike')) : dtype;
  return [{ dtype: own, shape, data }];
};

const oneHot: OpEvaluation = (op) => {
  const [indices, values] = [op.input(0), op.input(2)];
  const depth = Math.trunc(op.input(1).data[0] ?? 0);
  const axis = normalizeAxis(op.int('axis', -1), indices.shape.length + 1, 'onehot');
  const shape = op.sized([...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)]);
  const inner = sizeOf(indices.shape.slice(axis));
  const data = new Float64Array(sizeOf(shape)).fill(values.data[0] ?? Number.NaN);
  for (let i = 0; i < indices.data.length; i++) {
    const index = indices.data[i] as number;
    const counted = index < 0 ? index + depth : index;
    if (counted < 0 || counted >= depth) continue;
    data[(Math.floor(i / inner) * depth + counted) * inner + (i % inner)] = values.data[1] ?? Number.NaN;
  }
  return [{ dtype: values.dtype, shape, data }];
};

/** The positions of what is not zero: one row for each axis. */
const nonZero: OpEvaluation = (op) => {
  const x = op.input(0);
  const places = Array.from(x.data.keys()).filter((i) => x.data[i] !== 0);
  const rows = x.shape.map((length, axis) => {
    const inner = sizeOf(x.shape.slice(axis + 1));
    return places.map((i) => Math.floor(i / inner) % length);
  });
  const y: Value = makeValue('int', [x.shape.length, places.length], rows.flat());
  return [y];
};

export const creations: Readonly<Record<string, OpEvaluation>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  Trilu: trilu,
  EyeLike: eyeLike,
  OneHot: oneHot,
  NonZero: nonZero,
};
