import type { Random } from '../core/random.ts';
import {
  type DecoderSpec,
  type EmbeddingPart,
  kindOf,
  type LinearPart,
  type ParameterDeclaration,
  type Placement,
} from '../models/index.ts';
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
 * In a CRMSNorm model the stream holds `hiddenSize − 1` numbers, so that the function class is that of LayerNorm
 * without parameters at `hiddenSize` [Jiang et al. 2023 §3.2]. AdamW takes other steps in these coordinates, so that it
 * does not train like it: the paper trains the LayerNorm model's weights and converts them at each step (§3.4).
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
 * A CRMSNorm model starts as the conversion of the model without parameters in its norms: from the same function.
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
  const std = part.type === 'linear' && part.writes === 'stream' ? 0.02 / Math.sqrt(2 * spec.numLayers) : 0.02;
  if (spec.streamSize === spec.hiddenSize) {
    random.split(name).fillNormal(values, std);
    return values;
  }
  const [rows, columns] = part.type === 'embedding' ? [part.rows, part.width + 1] : fullSize(part);
  const full = new Float32Array(rows * columns);
  random.split(name).fillNormal(full, std);
  return compress(part, full, rows, columns);
}

/** A linear's size `[outSize, inSize]` with the coordinate of the stream that a CRMSNorm model does not store. */
function fullSize({ outSize, inSize, writes, reads }: LinearPart): readonly [number, number] {
  return [outSize + (writes === 'stream' ? 1 : 0), inSize + (reads === 'stream' ? 1 : 0)];
}

/**
 * The weights of a CRMSNorm model with the function of a LayerNorm model that has the given ones: what writes to the
 * stream loses its mean and its last coordinate, what reads it has its last column subtracted [Jiang et al. 2023 §3.2].
 */
function compress(part: EmbeddingPart | LinearPart, full: Float32Array, rows: number, columns: number): Float32Array {
  const at = (row: number, column: number) => full[row * columns + column] ?? Number.NaN;
  if (part.type === 'linear' && part.writes === 'stream') {
    const means = Float64Array.from({ length: columns }, (_, column) => {
      let total = 0;
      for (let row = 0; row < rows; row++) total += at(row, column);
      return total / rows;
    });
    return full.map((value, i) => value - (means[i % columns] ?? 0)).subarray(0, (rows - 1) * columns);
  }
  const result = new Float32Array(rows * (columns - 1));
  for (let row = 0; row < rows; row++) {
    let shift = at(row, columns - 1);
    if (part.type === 'embedding') {
      shift = 0;
      for (let column = 0; column < columns; column++) shift += at(row, column) / columns;
    }
    for (let column = 0; column < columns - 1; column++) result[row * (columns - 1) + column] = at(row, column) - shift;
  }
  return result;
}

/** Whether AdamW's weight decay applies: to matrices and embeddings, and to what the norms' catalogue says. */
export function decays({ name, part, shape }: ParameterDeclaration): boolean {
  if (part.type !== 'norm') return shape.length > 1;
  return kindOf(part.norm).parameters.some((entry) => name === `${part.name}.${entry.name}` && entry.decay);
}
