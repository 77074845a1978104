import { broadcastShapes, broadcastTo, mapElements, mapPairs } from '../../../ndarray.ts';
import type { ElementType, Value } from '../../../tensor.ts';
import { dtypeOfCode } from '../../dtypes.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { elementTypeOf } from '../values.ts';

type Pair = (x: number, y: number) => number;

/** Applies a function to pairs of elements; `result` is the outcome's element type where it isn't the first input's. */
export function pairs(op: OpContext, a: Value, b: Value, f: Pair, result: ElementType = a.dtype): Value {
  op.sized(broadcastShapes(a.shape, b.shape, 'pairs').map(Number));
  return mapPairs(a, b, result, f, 'pairs');
}

const arithmetic =
  (f: Pair): OpEvaluation =>
  (op) => [pairs(op, op.input(0), op.input(1), f)];

const comparison =
  (f: Pair): OpEvaluation =>
  (op) => [pairs(op, op.input(0), op.input(1), f, 'bool')];

/** Any number of inputs, folded from the left. */
const variadic =
  (f: Pair, finish: (sum: Value, count: number) => Value = (sum) => sum): OpEvaluation =>
  (op) => {
    let total = op.input(0);
    for (let i = 1; i < op.inputs.length; i++) total = pairs(op, total, op.input(i), f);
    return [finish(total, op.inputs.length)];
  };

const divide: OpEvaluation = (op) => {
  const [a, b] = [op.input(0), op.input(1)];
  if (a.dtype !== 'int') return [pairs(op, a, b, (x, y) => x / y)];
  if (b.data.includes(0)) op.fail('divides an integer by zero');
  // + 0 takes the sign from −0, which no integer has.
  return [pairs(op, a, b, (x, y) => Math.trunc(x / y) + 0)];
};

const modulo: OpEvaluation = (op) => {
  const [a, b] = [op.input(0), op.input(1)];
  if (a.dtype === 'int' && b.data.includes(0)) op.fail('divides an integer by zero');
  if (op.int('fmod', 0) === 1) return [pairs(op, a, b, (x, y) => x % y)];
  return [pairs(op, a, b, (x, y) => ((x % y) + y) % y)];
};

const power: OpEvaluation = (op) => {
  const [x, y] = [op.input(0), op.input(1)];
  const result = pairs(op, x, y, (base, exponent) => base ** exponent);
  return [x.dtype === 'int' ? mapElements(result, Math.trunc) : result];
};

const where: OpEvaluation = (op) => {
  const [condition, a, b] = [op.input(0), op.input(1), op.input(2)];
  const shape = broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape, 'where'), 'where').map(Number);
  op.sized(shape);
  const [chosen, x, y] = [broadcastTo(condition, shape).data, broadcastTo(a, shape).data, broadcastTo(b, shape).data];
  const data = new Float64Array(chosen.length);
  for (let i = 0; i < data.length; i++) data[i] = (chosen[i] === 0 ? y[i] : x[i]) ?? Number.NaN;
  return [{ dtype: a.dtype, shape, data }];
};

const widths: Readonly<Record<string, number>> = { int8: 8, uint8: 8, int16: 16, uint16: 16, int32: 32, uint32: 32 };

/** To a float of any width a float stays as it is. */
const cast: OpEvaluation = (op) => {
  const x = op.input(0);
  const dtype = dtypeOfCode(op.int('to', 0), 'onnx/evaluate: Cast');
  return [convert(x, elementTypeOf(dtype), widths[dtype], dtype.startsWith('u'))];
};

function convert(x: Value, dtype: ElementType, bits?: number, unsigned = false): Value {
  if (x.dtype === dtype && bits === undefined) return x;
  if (dtype === 'float') return { ...x, dtype };
  if (dtype === 'bool') return { ...mapElements(x, (value) => (value === 0 ? 0 : 1)), dtype };
  return { ...mapElements(x, (value) => wrap(value, bits, unsigned)), dtype };
}

/** The integer towards zero, modulo the type's range. What has none becomes the smallest int64, as on x86. */
function wrap(value: number, bits: number | undefined, unsigned: boolean): number {
  const whole = Math.trunc(value) + 0;
  if (!Number.isFinite(whole)) return bits === undefined ? -(2 ** 63) : 0;
  if (bits === undefined) return whole;
  const range = 2 ** bits;
  const positive = ((whole % range) + range) % range;
  return unsigned || positive < range / 2 ? positive : positive - range;
}

const castLike: OpEvaluation = (op) => [convert(op.input(0), op.input(1).dtype)];

const logic = (f: (x: boolean, y: boolean) => boolean) => comparison((x, y) => (f(x !== 0, y !== 0) ? 1 : 0));
const relation = (f: (x: number, y: number) => boolean) => comparison((x, y) => (f(x, y) ? 1 : 0));

export const elementwise: Readonly<Record<string, OpEvaluation>> = {
  Add: arithmetic((x, y) => x + y),
  Sub: arithmetic((x, y) => x - y),
  Mul: arithmetic((x, y) => x * y),
  Div: divide,
  Mod: modulo,
  Pow: power,
  Sum: variadic((x, y) => x + y),
  Mean: variadic(
    (x, y) => x + y,
    (sum, count) => mapElements(sum, (value) => value / count),
  ),
  Min: variadic(Math.min),
  Max: variadic(Math.max),
  Equal: relation((x, y) => x === y),
  Greater: relation((x, y) => x > y),
  GreaterOrEqual: relation((x, y) => x >= y),
  Less: relation((x, y) => x < y),
  LessOrEqual: relation((x, y) => x <= y),
  And: logic((x, y) => x && y),
  Or: logic((x, y) => x || y),
  Xor: logic((x, y) => x !== y),
  Where: where,
  Cast: cast,
  CastLike: castLike,
};
