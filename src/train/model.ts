import type { Random } from '../core/random.ts';
import { type DecoderSpec, kindOf, type ParameterDeclaration, type Placement } from '../models/index.ts';
import { initialValue } from '../norms/index.ts';

/** The shape of the small decoders that ablations train. */
export interface TrainModel {
  readonly norm: string;
  readonly placement: Placement;
  /** Null takes the norm's usual one. */
  readonly epsilon: number | null;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly context: number;
  readonly vocabularySize: number;
}

/**
 * A GPT-2 layout with the norm in question: learned positions, GELU, biases, an untied head [GPT-2 §2.3].
 *
 * In a CRMSNorm model the stream holds `hiddenSize − 1` numbers, so that the function class is that of LayerNorm at
 * `hiddenSize` [Jiang et al. 2023 §3.2].
 */
export function trainSpec(model: TrainModel): DecoderSpec {
  const { hiddenSize, heads, layers } = model;
  const norm = { kind: model.norm, epsilon: model.epsilon ?? kindOf({ kind: model.norm, epsilon: 0 }).defaultEpsilon };
  const headSize = hiddenSize / heads;
  return {
    family: 'normlab',
    vocabularySize: model.vocabularySize,
    hiddenSize,
    streamSize: model.norm === 'crmsnorm' ? hiddenSize - 1 : hiddenSize,
    numLayers: layers,
    maxPositions: model.context,
    positions: { kind: 'learned', count: model.context },
    norm,
    placement: model.placement,
    finalNorm: model.placement === 'post' ? null : norm,
    attention: {
      numHeads: heads,
      numKeyValueHeads: heads,
      headSize,
      projection: 'fused',
      qkvBias: true,
      outputBias: true,
      scales: new Array<number>(layers).fill(1 / Math.sqrt(headSize)),
      clip: null,
      qkNorm: null,
    },
    mlp: { kind: 'plain', activation: 'gelu_tanh', innerSize: 4 * hiddenSize, bias: true },
    tiedHead: false,
    headBias: false,
  };
}

/**
 * The values that training starts a parameter with: GPT-2's normal(0, 0.02), divided by √(2·layers) in linears that
 * write to the stream [GPT-2 §2.3], zero biases, and the catalogue's values for norms.
 *
 * Each parameter draws from a stream of its own name, so that models that share a parameter start from the same values.
 */
export function initialParameter(spec: DecoderSpec, declaration: ParameterDeclaration, random: Random): Float32Array {
  const { name, part, shape } = declaration;
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  if (part.type === 'norm') {
    const parameter = kindOf(part.norm).parameters.find((entry) => name === `${part.name}.${entry.name}`);
    if (parameter === undefined) throw new Error(`train: the norm ${part.norm.kind} has no parameter ${name}`);
    return values.fill(initialValue(parameter, part.width));
  }
  if (name.endsWith('.bias')) return values;
  const writes = part.type === 'linear' && part.writes === 'stream';
  random.split(name).fillNormal(values, writes ? 0.02 / Math.sqrt(2 * spec.numLayers) : 0.02);
  return values;
}

/** Whether AdamW's weight decay applies: to matrices and embeddings, and to what the norms' catalogue says. */
export function decays({ name, part, shape }: ParameterDeclaration): boolean {
  if (part.type !== 'norm') return shape.length > 1;
  return kindOf(part.norm).parameters.some((entry) => name === `${part.name}.${entry.name}` && entry.decay);
}
