import erfcModule from '@stdlib/math-base-special-erfc';
import { sameShape } from '../../core/shape.ts';
import { mapElements, mapPairs } from '../ndarray.ts';
import { applySingle, at, type EmitContext, formatTypes, type Op, type Tensor } from '../tensor.ts';
import { mul, relu, sigmoid } from './elementwise.ts';

const erfc: (x: number) => number = erfcModule;

/** `erf`: x·Φ(x). `tanh`: its approximation with tanh, which GPT-2 uses [GELU §2]. */
export type GeluApproximation = 'erf' | 'tanh';

export interface GeluAttributes {
  readonly approximation: GeluApproximation;
}

// √(2/π) and the cubic term's factor of the approximation [GELU §2].
const root = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

/** The Gaussian error linear unit of a number. */
export function geluValue(x: number, approximation: GeluApproximation): number {
  if (approximation === 'erf') return 0.5 * x * erfc(-x / Math.SQRT2);
  return 0.5 * x * (1 + Math.tanh(root * (x + cubic * x * x * x)));
}

function geluSlope(x: number, approximation: GeluApproximation): number {
  if (approximation === 'erf') {
    return 0.5 * erfc(-x / Math.SQRT2) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
  }
  const t = Math.tanh(root * (x + cubic * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * cubic * x * x);
}

const geluOp: Op<GeluAttributes> = {
  name: 'gelu',
  infer([x]) {
    if (x?.dtype !== 'float') throw new RangeError(`graph/gelu: expected a float input, got ${formatTypes([x])}`);
    return [x];
  },
  evaluate: (inputs, { approximation }) => [mapElements(at(inputs, 0, 'gelu'), (x) => geluValue(x, approximation))],
  gradient({ inputs, outputGradients, attributes }) {
    const dy = outputGradients[0];
    return [dy ? applySingle(geluGradientOp, [at(inputs, 0, 'gelu'), dy], attributes) : null];
  },
  emit(context, inputs, { approximation }) {
    if (approximation === 'tanh' && context.floatType === 'float64') {
      // ONNX Runtime expands Gelu with constants of float32 there.
      const x = at(inputs, 0, 'gelu');
      return context.add('Mul', [x, emitSigmoid(context, x).s]);
    }
    return context.add('Gelu', inputs, { approximate: { text: approximation === 'tanh' ? 'tanh' : 'none' } });
  },
};

const geluGradientOp: Op<GeluAttributes> = {
  name: 'geluGradient',
  infer([x, dy]) {
    if (x?.dtype !== 'float' || dy?.dtype !== 'float' || !sameShape(x.shape, dy.shape)) {
      throw new RangeError(`graph/geluGradient: expected x and dy of one shape, got ${formatTypes([x, dy])}`);
    }
    return [x];
  },
  evaluate(inputs, { approximation }) {
    const dy = at(inputs, 1, 'geluGradient');
    return [
      mapPairs(at(inputs, 0, 'geluGradient'), dy, 'float', (x, d) => geluSlope(x, approximation) * d, 'geluGradient'),
    ];
  },
  emit(context, inputs, { approximation }) {
    const [x, dy] = [at(inputs, 0, 'geluGradient'), at(inputs, 1, 'geluGradient')];
    const slope = approximation === 'tanh' ? emitTanhSlope(context, x) : emitErfSlope(context, x);
    return context.add('Mul', [slope, dy]);
  },
};

/**
 * The approximation is x·σ(v) with v = 2√(2/π)(x + 0.044715x³), so its slope is s + (1 − s)·s·x·v′ with s = σ(v):
 * fewer passes over the data than the form with tanh.
 */
function emitTanhSlope(context: EmitContext, x: string): string {
  const op = (type: string, ...inputs: string[]) => context.add(type, inputs)[0];
  const { square, s } = emitSigmoid(context, x);
  const dv = op('Add', op('Mul', square, context.scalar(6 * root * cubic)), context.scalar(2 * root));
  const xdv = op('Mul', dv, x);
  const rest = op('Mul', op('Sub', context.scalar(1), s), xdv);
  return op('Mul', s, op('Add', rest, context.scalar(1)));
}

/** σ(v) of the approximation x·σ(v), and x². */
function emitSigmoid(context: EmitContext, x: string): { readonly square: string; readonly s: string } {
  const op = (type: string, ...inputs: string[]) => context.add(type, inputs)[0];
  const square = op('Mul', x, x);
  const v = op('Mul', op('Add', op('Mul', square, context.scalar(2 * root * cubic)), context.scalar(2 * root)), x);
  return { square, s: op('Sigmoid', v) };
}

function emitErfSlope(context: EmitContext, x: string): string {
  const op = (type: string, ...inputs: string[]) => context.add(type, inputs)[0];
  const erf = op('Erf', op('Mul', x, context.scalar(Math.SQRT1_2)));
  const cdf = op('Mul', op('Add', erf, context.scalar(1)), context.scalar(0.5));
  const density = op('Exp', op('Mul', op('Mul', x, x), context.scalar(-0.5)));
  return op('Add', cdf, op('Mul', op('Mul', density, x), context.scalar(1 / Math.sqrt(2 * Math.PI))));
}

export const activationOps = { gelu: geluOp, geluGradient: geluGradientOp };

/** The Gaussian error linear unit. */
export const gelu = (x: Tensor, approximation: GeluApproximation): Tensor =>
  applySingle(geluOp, [x], { approximation });
/** x·σ(x), also called swish */
export const silu = (x: Tensor): Tensor => mul(x, sigmoid(x));
/** max(x, 0)² */
export function squaredRelu(x: Tensor): Tensor {
  const y = relu(x);
  return mul(y, y);
}
