import type { OpBuilder } from '../../core/builder.ts';
import { type Dim, formatShape, sameShape } from '../../core/shape.ts';
import { type NormContext, type NormKind, type NormParameter, normKinds } from '../../norms/index.ts';
import { apply, applySingle, at, type EmitContext, formatTypes, type Op, type Tensor, type Value } from '../tensor.ts';

export interface NormAttributes {
  readonly kind: NormKind;
  readonly epsilon: number;
}

const normOp: Op<NormAttributes> = {
  name: 'norm',
  infer([x, ...parameters], { kind }) {
    if (x?.dtype !== 'float') throw new RangeError(`graph/norm: ${kind.id} needs floats, got ${formatTypes([x])}`);
    const expected = kind.parameters.map((parameter) => parameterShape(parameter, widthOf(x.shape)));
    if (parameters.length !== expected.length || parameters.some((p, i) => p.shape.join() !== expected[i]?.join())) {
      throw new RangeError(
        `graph/norm: ${kind.id} over ${formatShape(x.shape)} needs parameters of the shapes ` +
          `${expected.map(formatShape).join(' ') || '(none)'}, got ${parameters.map((p) => formatShape(p.shape)).join(' ') || '(none)'}`,
      );
    }
    return [x];
  },
  evaluate([x, ...parameters], { kind, epsilon }) {
    if (x === undefined) throw new RangeError('graph/norm: no input');
    const data = kind.forward(x.data, named(kind, parameters.map(dataOf)), contextOf(x.shape, epsilon));
    return [{ dtype: 'float', shape: x.shape, data }];
  },
  gradient({ inputs, outputGradients, attributes }) {
    const dy = outputGradients[0];
    const [x, ...parameters] = inputs;
    if (x === undefined || !dy) return inputs.map(() => null);
    return apply(normGradientOp, [x, dy, ...parameters], attributes);
  },
  emit(context, [x, ...parameters], { kind, epsilon }, types) {
    const input = at(types.inputs, 0, 'norm');
    return [
      kind.lowerForward(
        onnxBuilder(context, input.shape.length),
        x ?? '',
        named(kind, parameters),
        contextOf(input.shape, epsilon),
      ),
    ];
  },
};

/** Inputs x, dy and the parameters; outputs dx and one gradient for each parameter, in the catalogue's order. */
const normGradientOp: Op<NormAttributes> = {
  name: 'normGradient',
  infer([x, dy, ...parameters], attributes) {
    if (x === undefined || dy?.dtype !== 'float' || !sameShape(x.shape, dy.shape)) {
      throw new RangeError(`graph/normGradient: expected x and dy of one shape, got ${formatTypes([x, dy])}`);
    }
    return [...normOp.infer([x, ...parameters], attributes), ...parameters];
  },
  evaluate([x, dy, ...parameters], { kind, epsilon }) {
    if (x === undefined || dy === undefined) throw new RangeError('graph/normGradient: expected x and dy');
    const context = contextOf(x.shape, epsilon);
    const gradient = kind.backward(x.data, dy.data, named(kind, parameters.map(dataOf)), context);
    const ofParameters = kind.parameters.map((parameter): Value => {
      const shape = parameterShape(parameter, context.width);
      return { dtype: 'float', shape, data: entry(gradient.parameters, parameter.name) };
    });
    return [{ dtype: 'float', shape: x.shape, data: gradient.dx }, ...ofParameters];
  },
  emit(context, [x, dy, ...parameters], { kind, epsilon }, types) {
    const input = at(types.inputs, 0, 'normGradient');
    const builder = onnxBuilder(context, input.shape.length);
    const gradient = kind.lowerBackward(
      builder,
      x ?? '',
      dy ?? '',
      named(kind, parameters),
      contextOf(input.shape, epsilon),
    );
    return [gradient.dx, ...kind.parameters.map((parameter) => entry(gradient.parameters, parameter.name))];
  },
};

function widthOf(shape: readonly Dim[]): number {
  const width = shape.at(-1);
  if (typeof width !== 'number')
    throw new RangeError(`graph/norm: the last axis of ${formatShape(shape)} has no known length`);
  return width;
}

function contextOf(shape: readonly Dim[], epsilon: number): NormContext {
  return { width: widthOf(shape), epsilon };
}

function parameterShape(parameter: NormParameter, width: number): readonly number[] {
  return parameter.shape === 'vector' ? [width] : [1];
}

function dataOf(value: Value): Float64Array {
  return value.data;
}

function named<T>(kind: NormKind, parameters: readonly T[]): Readonly<Record<string, T>> {
  return Object.fromEntries(kind.parameters.map(({ name }, i) => [name, at(parameters, i, kind.id)]));
}

function entry<T>(record: Readonly<Record<string, T>>, name: string): T {
  const value = record[name];
  if (value === undefined) throw new Error(`graph/norm: no gradient for ${name}`);
  return value;
}

/** The builder through which norms lower, on an ONNX graph: values are names. */
function onnxBuilder(context: EmitContext, rank: number): OpBuilder<string> {
  const op = (type: string, ...inputs: string[]) => context.add(type, inputs)[0];
  const last = () => context.ints([-1]);
  return {
    constant: (value) => context.scalar(value),
    ones: (width) => context.vector(new Array<number>(width).fill(1)),
    add: (a, b) => op('Add', a, b),
    sub: (a, b) => op('Sub', a, b),
    mul: (a, b) => op('Mul', a, b),
    div: (a, b) => op('Div', a, b),
    sqrt: (x) => op('Sqrt', x),
    reciprocal: (x) => op('Reciprocal', x),
    tanh: (x) => op('Tanh', x),
    mean: (x) => context.add('ReduceMean', [x, last()], { keepdims: 1 })[0],
    sum: (x) => context.add('ReduceSum', [x, last()], { keepdims: 1 })[0],
    // Without axes ReduceSum would sum over all of them.
    sumRows: (x) =>
      rank === 1 ? x : context.add('ReduceSum', [x, context.ints([...Array(rank - 1).keys()])], { keepdims: 0 })[0],
    sumAll: (x) => op('Reshape', context.add('ReduceSum', [x], { keepdims: 0 })[0], context.ints([1])),
    slice: (x, start, end) => op('Slice', x, context.ints([start]), context.ints([end]), last()),
    padEnd: (x, count) => op('Pad', x, context.ints([0, count]), '', last()),
    fused(call) {
      if (call.outputs > 1 && context.floatType === 'float64') {
        throw new RangeError(
          `graph/norm: ${call.opType} gives row statistics in float32 only; emit gradients of norms in float32`,
        );
      }
      const isStandard = context.standardNorms && call.opType === 'SimplifiedLayerNormalization' && call.outputs === 1;
      return context.add(isStandard ? 'RMSNormalization' : call.opType, call.inputs, call.attributes, {
        outputs: call.outputs,
        ...(call.domain === undefined ? {} : { domain: call.domain }),
      });
    },
  };
}

export const normOps = { norm: normOp, normGradient: normGradientOp };

/**
 * Normalizes over the last axis with a norm of the catalogue: one op in the graph, which lowers to the engine's fused
 * operator where there is one. The parameters are in the catalogue's order.
 */
export function norm(kind: NormKind, x: Tensor, parameters: readonly Tensor[], epsilon = kind.defaultEpsilon): Tensor {
  if (!normKinds.includes(kind)) throw new RangeError(`graph/norm: ${kind.id} is not in the catalogue`);
  return kind.id === 'none' ? x : applySingle(normOp, [x, ...parameters], { kind, epsilon });
}
