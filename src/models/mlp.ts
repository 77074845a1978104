import { add, constant, gelu, mul, relu, scale, silu, split, squaredRelu, type Tensor, tanh } from '../graph/index.ts';
import type { Activation, DecoderSpec } from './spec.ts';
import { linear, type Weights } from './weights.ts';

/** The MLP of a layer on `[batch, sequence, streamSize]`. */
export function mlp(spec: DecoderSpec, weights: Weights, layer: number, x: Tensor): Tensor {
  const name = `blocks.${layer}.mlp`;
  const { kind, activation, innerSize, fusedGate } = spec.mlp;
  const read = (part: string) => linear(weights, `${name}.${part}`, x);
  const inner = () => {
    if (kind === 'plain') return activate(activation, read('up'));
    const [gate, up] = fusedGate ? split(read('gate_up'), -1, [innerSize, innerSize]) : [read('gate'), read('up')];
    if (gate === undefined || up === undefined) throw new Error('models/mlp: a split lost a part');
    return mul(activate(activation, gate), up);
  };
  return linear(weights, `${name}.down`, inner());
}

function activate(activation: Activation, x: Tensor): Tensor {
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
  }
}

function bloomGelu(x: Tensor): Tensor {
  const one = constant(1);
  const argument = mul(scale(x, 0.79788456), add(one, scale(mul(x, x), 0.044715)));
  return mul(scale(x, 0.5), add(one, tanh(argument)));
}
