import {
  add,
  cast,
  constant,
  div,
  gelu,
  lessOrEqual,
  maximum,
  minimum,
  mul,
  relu,
  reshape,
  scale,
  sigmoid,
  silu,
  softmax,
  split,
  squaredRelu,
  sum,
  type Tensor,
  tanh,
  where,
} from '../graph/index.ts';
import type { Activation, DecoderSpec, ExpertsSpec, MlpSpec } from './spec.ts';
import { linear, type Weights } from './weights.ts';

/** The MLP of a layer on `[batch, sequence, streamSize]`. */
export function mlp(spec: DecoderSpec, weights: Weights, layer: number, x: Tensor): Tensor {
  const name = `blocks.${layer}.mlp`;
  const { innerSize, experts } = spec.mlp;
  const one = (prefix: string, size: number) => single(spec.mlp, weights, `${name}.${prefix}`, size, x);
  if (experts === undefined) return one('', innerSize);
  const shares = split(
    routed(softmax(linear(weights, `${name}.router`, x)), experts),
    -1,
    Array.from({ length: experts.count }, () => 1),
  );
  const outputs = shares.map((share, i) => mul(one(`experts.${i}.`, innerSize), share));
  if (experts.sharedInnerSize !== undefined) {
    outputs.push(mul(one('shared.', experts.sharedInnerSize), sigmoid(linear(weights, `${name}.shared_gate`, x))));
  }
  return outputs.reduce((total, output) => add(total, output));
}

function single(
  { kind, activation, fusedGate }: MlpSpec,
  weights: Weights,
  prefix: string,
  size: number,
  x: Tensor,
): Tensor {
  const read = (part: string) => linear(weights, prefix + part, x);
  const inner = () => {
    if (kind === 'plain') return activate(activation, read('up'));
    const [gate, up] = fusedGate ? split(read('gate_up'), -1, [size, size]) : [read('gate'), read('up')];
    if (gate === undefined || up === undefined) throw new Error('models/mlp: a split lost a part');
    return mul(activate(activation, gate), up);
  };
  return linear(weights, `${prefix}down`, inner());
}

/** The share of each expert, 0 for those that aren't among the largest; every expert is computed for every token. */
function routed(probabilities: Tensor, { count, perToken, normalized }: ExpertsSpec): Tensor {
  const lead = probabilities.shape.slice(0, -1);
  const others = reshape(probabilities, [...lead, 1, count]);
  const own = reshape(probabilities, [...lead, count, 1]);
  const notLarger = sum(cast(lessOrEqual(others, own), 'float'), [-1], false);
  const isChosen = lessOrEqual(constant(count - perToken + 1), notLarger);
  const chosen = where(isChosen, probabilities, constant(0));
  return normalized ? div(chosen, sum(chosen, [-1])) : chosen;
}

/** An activation of every entry. */
export function activate(activation: Activation, x: Tensor): Tensor {
  switch (activation) {
    case 'gelu':
      return gelu(x, 'erf');
    case 'gelu_tanh':
      return gelu(x, 'tanh');
    case 'gelu_bloom':
      return bloomGelu(x);
    case 'silu':
      return silu(x);
    case 'relu':
      return relu(x);
    case 'relu2':
      return squaredRelu(x);
    case 'gelu_10':
      return minimum(maximum(gelu(x, 'erf'), constant(-10)), constant(10));
    case 'gelu_quick':
      return mul(x, sigmoid(scale(x, 1.702)));
    case 'relu6':
      return minimum(relu(x), constant(6));
    case 'leaky_relu':
      return maximum(x, scale(x, 0.01));
    case 'tanh':
      return tanh(x);
    case 'sigmoid':
      return sigmoid(x);
    case 'linear':
      return x;
  }
}

function bloomGelu(x: Tensor): Tensor {
  const one = constant(1);
  const argument = mul(scale(x, 0.79788456), add(one, scale(mul(x, x), 0.044715)));
  return mul(scale(x, 0.5), add(one, tanh(argument)));
}
