import {
  add,
  constant,
  gelu,
  maximum,
  minimum,
  mul,
  relu,
  scale,
  sigmoid,
  silu,
  split,
  squaredRelu,
  type Tensor,
  tanh,
} from '../graph/index.ts';
import { expertShares } from './routing.ts';
import type { Activation, DecoderSpec, MlpSpec } from './spec.ts';
import { linear, type Weights } from './weights.ts';

/** The MLP of a layer on `[batch, sequence, streamSize]`. */
export function mlp(spec: DecoderSpec, weights: Weights, layer: number, x: Tensor): Tensor {
  const name = `blocks.${layer}.mlp`;
  const { innerSize, experts } = spec.mlp;
  const one = (prefix: string, size: number) => single(spec.mlp, weights, `${name}.${prefix}`, size, x);
  if (experts === undefined) return one('', innerSize);
  if (experts.dense?.layers[layer] === true) return one('', experts.dense.innerSize);
  const shares = split(
    expertShares(experts, weights, `${name}.router`, x),
    -1,
    Array.from({ length: experts.count }, () => 1),
  );
  const outputs = shares.map((share, i) => mul(one(`experts.${i}.`, innerSize), share));
  if (experts.sharedInnerSize !== undefined) {
    const shared = one('shared.', experts.sharedInnerSize);
    outputs.push(experts.ungatedShared ? shared : mul(shared, sigmoid(linear(weights, `${name}.shared_gate`, x))));
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
