import { isFloat } from '../../../core/dtype.ts';
import { decodeFloat64 } from '../../../core/encoding.ts';
import { sizeOf } from '../../../core/shape.ts';
import { onnxDTypes } from '../../../graph/index.ts';
import {
  alignedAxis,
  alignedLength,
  type FlowContext,
  type FlowRule,
  from,
  type Origin,
  type Passage,
  stop,
} from './rule.ts';

/** Operands that are added: each has channels, or is a constant that all channels get alike, which then is all mean. */
function added(inputs: (context: FlowContext) => readonly number[]): FlowRule {
  return (context) => {
    const passages: Passage[] = [];
    for (const input of inputs(context)) {
      const passage = addedOperand(context, input);
      if (typeof passage === 'string') return stop(passage);
      passages.push(passage);
    }
    return from(...passages);
  };
}

function addedOperand(context: FlowContext, input: number): Passage | string {
  const shape = context.shape(input);
  const length = alignedLength(context, input);
  if (shape === undefined || length === undefined) return `the shape of its input ${input} is not known`;
  const axis = alignedAxis(context, shape);
  if (length === context.width) return { input, axis };
  if (length === 1 && isFiniteConstant(context, input)) return { input, axis };
  return length === 1
    ? `its input ${input} is one number for all channels`
    : `the length of its input ${input} along the channels is not known`;
}

/** Infinities (masks) have no mean that could be taken out. */
function isFiniteConstant(context: FlowContext, input: number): boolean {
  const tensor = context.constant(input);
  if (tensor === undefined || !('data' in tensor) || !isFloat(tensor.dtype)) return false;
  return decodeFloat64(tensor.data, tensor.dtype).every(Number.isFinite);
}

const multiplied: FlowRule = (context) => {
  const [a, b] = [alignedLength(context, 0), alignedLength(context, 1)];
  if (b === 1) return scaled(context, 0, undefined);
  if (a === 1) return scaled(context, 1, undefined);
  if (isChannelVector(context, 1)) return scaled(context, 0, { input: 1, inverse: false });
  if (isChannelVector(context, 0)) return scaled(context, 1, { input: 0, inverse: false });
  return stop('it multiplies by what may differ from channel to channel');
};

const divided: FlowRule = (context) => {
  if (alignedLength(context, 1) === 1) return scaled(context, 0, undefined);
  if (isChannelVector(context, 1)) return scaled(context, 0, { input: 1, inverse: true });
  return stop('it divides by what may differ from channel to channel');
};

function scaled(context: FlowContext, input: number, scale: { input: number; inverse: boolean } | undefined): Origin {
  const shape = context.shape(input);
  if (shape === undefined || alignedLength(context, input) !== context.width) {
    return stop(`the shape of its input ${input} is not known`);
  }
  // What takes its place has to have its axes.
  if (scale !== undefined && shape.length !== context.outputShape.length) return stop('it adds axes as well');
  const passages = [{ input, axis: alignedAxis(context, shape) }];
  return scale === undefined ? { kind: 'from', passages } : { kind: 'from', passages, scale };
}

function isChannelVector(context: FlowContext, input: number): boolean {
  const tensor = context.constant(input);
  return (
    tensor !== undefined &&
    isFloat(tensor.dtype) &&
    alignedLength(context, input) === context.width &&
    sizeOf(tensor.shape) === context.width
  );
}

const chosen: FlowRule = (context) => {
  if (alignedLength(context, 0) !== 1) return stop('it chooses channel by channel, or may do so');
  return added(() => [1, 2])(context);
};

const handedOn: FlowRule = ({ axis }) => from({ input: 0, axis });

const cast: FlowRule = (context) => {
  if (!context.isFloat(0)) return stop('it reads integers, or may do so');
  const dtype = onnxDTypes.get(context.int('to') ?? 0);
  return dtype !== undefined && isFloat(dtype) ? handedOn(context) : stop('it rounds to integers');
};

const dropout: FlowRule = (context) => {
  const training = context.constant(2);
  const isOff =
    !context.node.inputs[2] || (training && 'data' in training && training.data.every((byte) => byte === 0));
  return context.output === 0 && isOff ? handedOn(context) : stop('it may drop channels at random');
};

const all = ({ node }: FlowContext) => node.inputs.map((_, input) => input);

export const arithmeticRules: Readonly<Record<string, FlowRule>> = {
  Add: added(all),
  Sub: added(all),
  Sum: added(all),
  Mean: added(all),
  Mul: multiplied,
  Div: divided,
  Where: chosen,
  Identity: handedOn,
  Neg: handedOn,
  Cast: cast,
  Dropout: dropout,
  // Its sum, which is the fourth output: input, skip and bias.
  SkipLayerNormalization: added(({ node }) => [0, 1, ...(node.inputs[4] ? [4] : [])]),
};
