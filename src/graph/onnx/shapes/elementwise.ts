import type { Dim, Shape } from '../../../core/shape.ts';
import { onnxTypeCodes } from '../dtypes.ts';
import { broadcast, isAnyInteger, type Known, type ShapeContext, type ShapeRule } from './context.ts';
import { product, quotient } from './dims.ts';

/** The first output is like the first input, in contents too where the op hands them on. Others are statistics. */
const same: ShapeRule = ({ shape }) => [{ shape: shape(0) }];
/** A Dropout's mask, and the sum inside of a SkipLayerNormalization, are like the output. */
const allSame: ShapeRule = ({ shape }) => [{ shape: shape(0) }, { shape: shape(0) }];
const skipSame: ShapeRule = ({ shape }) => [{ shape: shape(0) }, undefined, undefined, { shape: shape(0) }];
const handedOn: ShapeRule = ({ shape, contents }) => [{ shape: shape(0), contents: contents(0) }];

const unary = `Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization Bernoulli BitShift BitwiseNot Ceil Celu Clip Cos Cosh CumSum
  Elu Erf Exp Floor Gelu GroupNormalization HardSigmoid HardSwish Hardmax InstanceNormalization IsInf IsNaN LRN
  LayerNormalization LeakyRelu Log LogSoftmax LpNormalization MeanVarianceNormalization Mish Neg Not QuantizeLinear DequantizeLinear
  RMSNormalization RandomNormalLike RandomUniformLike Reciprocal Relu Round ScatterElements ScatterND Selu Shrink Sigmoid Sign
  SimplifiedLayerNormalization Sin Sinh Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu Trilu FastGelu QuickGelu
  BiasGelu RotaryEmbedding`;

const broadcasting = `And BitwiseAnd BitwiseOr BitwiseXor Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Or PRelu
  Pow Sum Where Xor`;

type Arithmetic = (a: Dim, b: Dim) => Dim | undefined;

const add: Arithmetic = (a, b) => {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  return a === 0 ? b : b === 0 ? a : undefined;
};
const sub: Arithmetic = (a, b) => {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return b === 0 ? a : a === b ? 0 : undefined;
};
const div: Arithmetic = (a, b) => {
  if (typeof a === 'number' && typeof b === 'number') return b === 0 ? undefined : Math.trunc(a / b);
  return quotient(a, b);
};

function arithmetic(compute: Arithmetic): ShapeRule {
  return (context) => {
    const [a, b] = [context.contents(0), context.contents(1)];
    const shape = broadcastInputs(context);
    if (a === undefined || b === undefined) return [{ shape }];
    const length = Math.max(a.length, b.length);
    const contents = Array.from({ length }, (_, i) => {
      const [left, right] = [a[a.length === 1 ? 0 : i], b[b.length === 1 ? 0 : i]];
      if (left === undefined || right === undefined) return context.integer();
      return compute(left, right) ?? context.integer();
    });
    return [{ shape, contents }];
  };
}

/** `where(shape == -1, given, shape)` and its like decide on lengths that are known, or never negative. */
const where: ShapeRule = (context) => {
  const [condition, a, b] = [0, 1, 2].map((input) => context.contents(input));
  const shape = broadcastInputs(context);
  if (condition === undefined || a === undefined || b === undefined) return [{ shape }];
  const length = Math.max(condition.length, a.length, b.length);
  const at = (list: readonly Dim[], i: number) => list[list.length === 1 ? 0 : i];
  const contents = Array.from({ length }, (_, i) => {
    const chosen = at(condition, i);
    return (typeof chosen === 'number' ? at(chosen === 0 ? b : a, i) : undefined) ?? context.integer();
  });
  return [{ shape, contents }];
};

const equal: ShapeRule = (context) => {
  const [a, b] = [context.contents(0), context.contents(1)];
  const shape = broadcastInputs(context);
  if (a === undefined || b === undefined) return [{ shape }];
  const contents = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => {
    const [left, right] = [a[a.length === 1 ? 0 : i], b[b.length === 1 ? 0 : i]];
    if (typeof left === 'number' && typeof right === 'number') return left === right ? 1 : 0;
    if (left !== undefined && left === right) return 1;
    // Lengths are not.
    const negative = [left, right].some((dim) => typeof dim === 'number' && dim < 0);
    return negative && ![left, right].some(isAnyInteger) ? 0 : context.integer();
  });
  return [{ shape, contents }];
};

function broadcastInputs({ node, shape, fresh }: ShapeContext): Shape | undefined {
  const shapes = node.inputs.map((_, input) => shape(input));
  return shapes.every((known) => known !== undefined) ? broadcast(shapes, fresh) : undefined;
}

/** Numbers with fractions follow other rules of arithmetic. */
const cast: ShapeRule = ({ shape, contents, int }) => {
  const whole = [onnxTypeCodes.int64, onnxTypeCodes.int32].includes(int('to') ?? 0);
  return [{ shape: shape(0), contents: whole ? contents(0) : undefined }];
};

const words = (text: string) => text.split(/\s+/);
const broadcastOnly: ShapeRule = (context): readonly Known[] => [{ shape: broadcastInputs(context) }];

export const elementwiseShapes: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(words(unary).map((name) => [name, same])),
  ...Object.fromEntries(words(broadcasting).map((name) => [name, broadcastOnly])),
  Dropout: allSame,
  SkipLayerNormalization: skipSame,
  SkipSimplifiedLayerNormalization: skipSame,
  Identity: handedOn,
  Cast: cast,
  CastLike: same,
  Add: arithmetic(add),
  Sub: arithmetic(sub),
  Mul: arithmetic((a, b) => product([a, b])),
  Div: arithmetic(div),
  Equal: equal,
  Where: where,
};
