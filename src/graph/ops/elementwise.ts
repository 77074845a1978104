import { broadcastShapes, broadcastTo, mapElements, mapPairs } from '../ndarray.ts';
import { applySingle, at, constant, type ElementType, formatTypes, type Op, type Tensor } from '../tensor.ts';
import { sumTo } from './reduce.ts';

/** An op on pairs of elements that broadcasts as in NumPy. */
function binaryOp(spec: {
  readonly name: string;
  readonly onnx: string;
  readonly f: (x: number, y: number) => number;
  readonly result?: ElementType;
  readonly floatOnly?: boolean;
  readonly gradient?: (a: Tensor, b: Tensor, y: Tensor, dy: Tensor) => readonly [Tensor, Tensor];
}): Op<null> {
  return {
    name: spec.name,
    infer([a, b]) {
      const allowed = a?.dtype === 'float' || (a?.dtype === 'int' && !spec.floatOnly);
      if (a === undefined || b === undefined || a.dtype !== b.dtype || !allowed) {
        const expected = spec.floatOnly ? 'two floats' : 'two floats or two ints';
        throw new RangeError(`graph/${spec.name}: expected ${expected}, got ${formatTypes([a, b])}`);
      }
      return [{ dtype: spec.result ?? a.dtype, shape: broadcastShapes(a.shape, b.shape, spec.name) }];
    },
    evaluate(inputs) {
      const a = at(inputs, 0, spec.name);
      return [mapPairs(a, at(inputs, 1, spec.name), spec.result ?? a.dtype, spec.f, spec.name)];
    },
    ...(spec.gradient === undefined ? {} : { gradient: broadcastingGradient(spec.gradient) }),
    emit: (context, inputs) => context.add(spec.onnx, inputs),
  };
}

function broadcastingGradient(
  rule: (a: Tensor, b: Tensor, y: Tensor, dy: Tensor) => readonly [Tensor, Tensor],
): NonNullable<Op<null>['gradient']> {
  return ({ inputs, outputs, outputGradients }) => {
    const [a, b] = inputs;
    const [y] = outputs;
    const [dy] = outputGradients;
    if (a === undefined || b === undefined || y === undefined || !dy) return [null, null];
    const [da, db] = rule(a, b, y, dy);
    return [sumTo(da, a.shape), sumTo(db, b.shape)];
  };
}

const addOp = binaryOp({ name: 'add', onnx: 'Add', f: (x, y) => x + y, gradient: (_a, _b, _y, dy) => [dy, dy] });
const subOp = binaryOp({ name: 'sub', onnx: 'Sub', f: (x, y) => x - y, gradient: (_a, _b, _y, dy) => [dy, neg(dy)] });
const mulOp = binaryOp({
  name: 'mul',
  onnx: 'Mul',
  f: (x, y) => x * y,
  gradient: (a, b, _y, dy) => [mul(dy, b), mul(dy, a)],
});
const divOp = binaryOp({
  name: 'div',
  onnx: 'Div',
  f: (x, y) => x / y,
  // Engines cut off the quotient of integers.
  floatOnly: true,
  gradient: (_a, b, y, dy) => [div(dy, b), neg(div(mul(dy, y), b))],
});
const minimumOp = binaryOp({
  name: 'minimum',
  onnx: 'Min',
  f: Math.min,
  gradient: (a, b, _y, dy) => [where(lessOrEqual(a, b), dy, zero()), where(lessOrEqual(a, b), zero(), dy)],
});
const maximumOp = binaryOp({
  name: 'maximum',
  onnx: 'Max',
  f: Math.max,
  gradient: (a, b, _y, dy) => [where(lessOrEqual(b, a), dy, zero()), where(lessOrEqual(b, a), zero(), dy)],
});
const lessOrEqualOp = binaryOp({
  name: 'lessOrEqual',
  onnx: 'LessOrEqual',
  f: (x, y) => (x <= y ? 1 : 0),
  result: 'bool',
});

/** An op on single elements. */
function unaryOp(spec: {
  readonly name: string;
  readonly onnx: string;
  readonly f: (x: number) => number;
  readonly gradient: (x: Tensor, y: Tensor, dy: Tensor) => Tensor;
}): Op<null> {
  return {
    name: spec.name,
    infer([x]) {
      if (x?.dtype !== 'float') {
        throw new RangeError(`graph/${spec.name}: expected a float input, got ${formatTypes([x])}`);
      }
      return [x];
    },
    evaluate: (inputs) => [mapElements(at(inputs, 0, spec.name), spec.f)],
    gradient({ inputs, outputs, outputGradients }) {
      const dy = outputGradients[0];
      return [dy ? spec.gradient(at(inputs, 0, spec.name), at(outputs, 0, spec.name), dy) : null];
    },
    emit: (context, inputs) => context.add(spec.onnx, inputs),
  };
}

const negOp = unaryOp({ name: 'neg', onnx: 'Neg', f: (x) => -x, gradient: (_x, _y, dy) => neg(dy) });
const expOp = unaryOp({ name: 'exp', onnx: 'Exp', f: Math.exp, gradient: (_x, y, dy) => mul(dy, y) });
const logOp = unaryOp({ name: 'log', onnx: 'Log', f: Math.log, gradient: (x, _y, dy) => div(dy, x) });
const sqrtOp = unaryOp({
  name: 'sqrt',
  onnx: 'Sqrt',
  f: Math.sqrt,
  gradient: (_x, y, dy) => div(mul(dy, constant(0.5)), y),
});
const tanhOp = unaryOp({
  name: 'tanh',
  onnx: 'Tanh',
  f: Math.tanh,
  gradient: (_x, y, dy) => mul(dy, sub(constant(1), mul(y, y))),
});
const sigmoidOp = unaryOp({
  name: 'sigmoid',
  onnx: 'Sigmoid',
  f: (x) => 1 / (1 + Math.exp(-x)),
  gradient: (_x, y, dy) => mul(dy, mul(y, sub(constant(1), y))),
});
const reluOp = unaryOp({
  name: 'relu',
  onnx: 'Relu',
  f: (x) => Math.max(x, 0),
  gradient: (x, _y, dy) => where(lessOrEqual(x, zero()), zero(), dy),
});

const whereOp: Op<null> = {
  name: 'where',
  infer([condition, a, b]) {
    if (condition?.dtype !== 'bool' || a === undefined || b === undefined || a.dtype !== b.dtype) {
      throw new RangeError(
        `graph/where: expected a bool condition and two inputs of one type, got ${formatTypes([condition, a, b])}`,
      );
    }
    const branches = broadcastShapes(a.shape, b.shape, 'where');
    return [{ dtype: a.dtype, shape: broadcastShapes(condition.shape, branches, 'where') }];
  },
  evaluate(inputs) {
    const a = at(inputs, 1, 'where');
    const b = at(inputs, 2, 'where');
    const shape = broadcastShapes(
      at(inputs, 0, 'where').shape,
      broadcastShapes(a.shape, b.shape, 'where'),
      'where',
    ).map(Number);
    const [condition, x, y] = [at(inputs, 0, 'where'), a, b].map((value) => broadcastTo(value, shape).data);
    const data = Float64Array.from(condition ?? [], (c, i) => (c !== 0 ? x : y)?.[i] ?? Number.NaN);
    return [{ dtype: a.dtype, shape, data }];
  },
  gradient({ inputs, outputGradients }) {
    const [condition, a, b] = inputs;
    const dy = outputGradients[0];
    if (condition === undefined || a === undefined || b === undefined || !dy) return [null, null, null];
    return [null, sumTo(where(condition, dy, zero()), a.shape), sumTo(where(condition, zero(), dy), b.shape)];
  },
  emit: (context, inputs) => context.add('Where', inputs),
};

const zero = () => constant(0);

export const elementwiseOps = {
  add: addOp,
  sub: subOp,
  mul: mulOp,
  div: divOp,
  minimum: minimumOp,
  maximum: maximumOp,
  lessOrEqual: lessOrEqualOp,
  neg: negOp,
  exp: expOp,
  log: logOp,
  sqrt: sqrtOp,
  tanh: tanhOp,
  sigmoid: sigmoidOp,
  relu: reluOp,
  where: whereOp,
};

/** a + b */
export const add = (a: Tensor, b: Tensor): Tensor => applySingle(addOp, [a, b], null);
/** a − b */
export const sub = (a: Tensor, b: Tensor): Tensor => applySingle(subOp, [a, b], null);
/** a · b, element by element */
export const mul = (a: Tensor, b: Tensor): Tensor => applySingle(mulOp, [a, b], null);
/** a / b */
export const div = (a: Tensor, b: Tensor): Tensor => applySingle(divOp, [a, b], null);
/** The smaller of each pair; where they are equal the gradient goes to a. */
export const minimum = (a: Tensor, b: Tensor): Tensor => applySingle(minimumOp, [a, b], null);
/** The larger of each pair; where they are equal the gradient goes to a. */
export const maximum = (a: Tensor, b: Tensor): Tensor => applySingle(maximumOp, [a, b], null);
/** a ≤ b, as bool */
export const lessOrEqual = (a: Tensor, b: Tensor): Tensor => applySingle(lessOrEqualOp, [a, b], null);
export const neg = (x: Tensor): Tensor => applySingle(negOp, [x], null);
export const exp = (x: Tensor): Tensor => applySingle(expOp, [x], null);
export const log = (x: Tensor): Tensor => applySingle(logOp, [x], null);
export const sqrt = (x: Tensor): Tensor => applySingle(sqrtOp, [x], null);
export const tanh = (x: Tensor): Tensor => applySingle(tanhOp, [x], null);
export const sigmoid = (x: Tensor): Tensor => applySingle(sigmoidOp, [x], null);
export const relu = (x: Tensor): Tensor => applySingle(reluOp, [x], null);
/** x · c for a number c */
export const scale = (x: Tensor, factor: number): Tensor => (factor === 1 ? x : mul(x, constant(factor)));
/** a where the condition holds, else b */
export const where = (condition: Tensor, a: Tensor, b: Tensor): Tensor => applySingle(whereOp, [condition, a, b], null);
