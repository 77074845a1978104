import erfcModule from '@stdlib/math-base-special-erfc';
import { mapElements } from '../../../ndarray.ts';
import { geluValue } from '../../../ops/index.ts';
import type { Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { pairs } from './elementwise.ts';

const erfc: (x: number) => number = erfcModule;

type Function = (x: number) => number;

const plain =
  (f: Function): OpEvaluation =>
  (op) => [mapElements(op.input(0), f)];

/** A function that takes attributes. */
const shaped =
  (make: (op: OpContext) => Function): OpEvaluation =>
  (op) => [mapElements(op.input(0), make(op))];

const test =
  (make: (op: OpContext) => (x: number) => boolean): OpEvaluation =>
  (op) => {
    const f = make(op);
    return [{ ...mapElements(op.input(0), (x) => (f(x) ? 1 : 0)), dtype: 'bool' }];
  };

const sigmoid: Function = (x) => 1 / (1 + Math.exp(-x));
const softplus: Function = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Ties go to the even neighbour. */
function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

const elu =
  (alpha: number): Function =>
  (x) =>
    x > 0 ? x : alpha * Math.expm1(x);
const selu =
  (alpha: number, gamma: number): Function =>
  (x) =>
    gamma * (x > 0 ? x : alpha * Math.expm1(x));
const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);

const gelu: OpEvaluation = (op) => {
  const approximate = op.text('approximate', 'none');
  return [mapElements(op.input(0), (x) => geluValue(x, approximate === 'tanh' ? 'tanh' : 'erf'))];
};

const clip: OpEvaluation = (op) => {
  const bound = (index: number, attribute: string, fallback: number) =>
    op.version < 11 ? op.float(attribute, fallback) : (op.inputs[index]?.data[0] ?? fallback);
  const low = bound(1, 'min', Number.NEGATIVE_INFINITY);
  const high = bound(2, 'max', Number.POSITIVE_INFINITY);
  return [mapElements(op.input(0), (x) => clamp(x, low, high))];
};

/** x plus an optional second input. */
function biased(op: OpContext): Value {
  const bias = op.inputs[1];
  return bias === undefined ? op.input(0) : pairs(op, op.input(0), bias, (x, y) => x + y);
}

export const activations: Readonly<Record<string, OpEvaluation>> = {
  Identity: (op) => [op.input(0)],
  Neg: plain((x) => 0 - x),
  Abs: plain(Math.abs),
  Sqrt: plain(Math.sqrt),
  Reciprocal: plain((x) => 1 / x),
  Exp: plain(Math.exp),
  Log: plain(Math.log),
  Erf: plain((x) => 1 - erfc(x)),
  Sin: plain(Math.sin),
  Cos: plain(Math.cos),
  Tan: plain(Math.tan),
  Asin: plain(Math.asin),
  Acos: plain(Math.acos),
  Atan: plain(Math.atan),
  Sinh: plain(Math.sinh),
  Cosh: plain(Math.cosh),
  Tanh: plain(Math.tanh),
  Asinh: plain(Math.asinh),
  Acosh: plain(Math.acosh),
  Atanh: plain(Math.atanh),
  Sign: plain(Math.sign),
  Floor: plain(Math.floor),
  Ceil: plain(Math.ceil),
  Round: plain(roundHalfEven),
  Not: test(() => (x) => x === 0),
  IsNaN: test(() => Number.isNaN),
  IsInf: test((op) => {
    const [negative, positive] = [op.int('detect_negative', 1), op.int('detect_positive', 1)];
    return (x) =>
      (negative === 1 && x === Number.NEGATIVE_INFINITY) || (positive === 1 && x === Number.POSITIVE_INFINITY);
  }),
  Relu: plain((x) => Math.max(x, 0)),
  Sigmoid: plain(sigmoid),
  Softplus: plain(softplus),
  Softsign: plain((x) => x / (1 + Math.abs(x))),
  Mish: plain((x) => x * Math.tanh(softplus(x))),
  HardSwish: plain((x) => x * clamp(x / 6 + 0.5, 0, 1)),
  Swish: shaped((op) => {
    const alpha = op.float('alpha', 1);
    return (x) => x * sigmoid(alpha * x);
  }),
  LeakyRelu: shaped((op) => {
    const alpha = op.float('alpha', 0.01);
    return (x) => (x < 0 ? alpha * x : x);
  }),
  Elu: shaped((op) => elu(op.float('alpha', 1))),
  Celu: shaped((op) => {
    const alpha = op.float('alpha', 1);
    return (x) => (x > 0 ? x : alpha * Math.expm1(x / alpha));
  }),
  Selu: shaped((op) => selu(op.float('alpha', 1.67326319), op.float('gamma', 1.05070102))),
  HardSigmoid: shaped((op) => {
    const [alpha, beta] = [op.float('alpha', 0.2), op.float('beta', 0.5)];
    return (x) => clamp(alpha * x + beta, 0, 1);
  }),
  ThresholdedRelu: shaped((op) => {
    const alpha = op.float('alpha', 1);
    return (x) => (x > alpha ? x : 0);
  }),
  PRelu: (op) => [pairs(op, op.input(0), op.input(1), (x, slope) => (x < 0 ? slope * x : x))],
  Gelu: gelu,
  Clip: clip,
};

export const microsoftActivations: Readonly<Record<string, OpEvaluation>> = {
  Gelu: plain((x) => geluValue(x, 'erf')),
  BiasGelu: (op) => [mapElements(biased(op), (x) => geluValue(x, 'erf'))],
  FastGelu: (op) => [mapElements(biased(op), (x) => geluValue(x, 'tanh'))],
  QuickGelu: shaped((op) => {
    const alpha = op.float('alpha', 1.702);
    return (x) => x * sigmoid(alpha * x);
  }),
};
