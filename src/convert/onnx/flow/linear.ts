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

const weight = (input: number, axis: number): Passage => ({ input, axis, isWeight: true });

/** x·W has its channels in the columns of W; W·x has them in the rows of W. */
const matmul: FlowRule = (context) => {
  const { shape, int, axis, outputShape } = context;
  const [a, b] = [shape(0)?.length, shape(1)?.length];
  if (a === undefined || b === undefined) return stop('its shapes are not known');
  if (int('transBatchA') || int('transBatchB')) return stop('it transposes more than matrices');
  const fromEnd = outputShape.length - axis;
  if (b >= 2 && fromEnd === 1) return from(weight(1, int('transB') ? b - 2 : b - 1));
  if (a >= 2 && fromEnd === (b >= 2 ? 2 : 1)) return from(weight(0, int('transA') ? a - 1 : a - 2));
  return stop('its matrices lie along the channels');
};

const gemm: FlowRule = (context) => {
  const { node, int, axis } = context;
  const matrix = axis === 1 ? weight(1, int('transB') ? 0 : 1) : weight(0, int('transA') ? 1 : 0);
  return node.inputs[2] ? withBias(context, matrix, 2) : from(matrix);
};

const inGroups = 'it slides over groups of channels';

const convolved: FlowRule = ({ node, int, axis }) => {
  if (axis !== 1) return stop('it slides over the channels');
  if ((int('group') ?? 1) !== 1) return stop(inGroups);
  return from(weight(1, 0), ...(node.inputs[2] ? [weight(2, 0)] : []));
};

const convolvedBack: FlowRule = ({ node, int, axis }) => {
  if (axis !== 1) return stop('it slides over the channels');
  if ((int('group') ?? 1) !== 1) return stop(inGroups);
  return from(weight(1, 1), ...(node.inputs[2] ? [weight(2, 0)] : []));
};

function withBias(context: FlowContext, matrix: Passage, input: number): Origin {
  const shape = context.shape(input);
  const length = alignedLength(context, input);
  if (shape === undefined || length === undefined) return stop('the shape of its bias is not known');
  if (length !== context.width) return stop('its bias is one number for all channels');
  return from(matrix, { input, axis: alignedAxis(context, shape), isWeight: true });
}

export const linearRules: Readonly<Record<string, FlowRule>> = {
  MatMul: matmul,
  FusedMatMul: matmul,
  Gemm: gemm,
  Conv: convolved,
  ConvTranspose: convolvedBack,
};
