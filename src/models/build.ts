import { add, gather, input, matmul, scale, slice, type Tensor } from '../graph/index.ts';
import { type AttentionContext, attention, attentionContext, softCap } from './attention.ts';
import { mlp } from './mlp.ts';
import type { DecoderSpec } from './spec.ts';
import { applyNorm, type BuildOptions, collectWeights, linear, type Weights, withBias } from './weights.ts';

/** A decoder's graph. */
export interface DecoderGraph {
  /** int `[batch, sequence]`, named `input_ids` */
  readonly inputIds: Tensor;
  /** `[batch, sequence, vocabularySize]` */
  readonly logits: Tensor;
  /** The embeddings' sum, then the stream after each block; the last one is after the final norm. `[batch, sequence, streamSize]` */
  readonly hiddenStates: readonly Tensor[];
  /** The stream before the final norm. */
  readonly lastBlockOut: Tensor;
  /** The parameters under the names and in the layout in which they are stored. */
  readonly parameters: ReadonlyMap<string, Tensor>;
}

/** Builds the graph of a decoder on int `input_ids` `[batch, sequence]`. */
export function buildDecoder(spec: DecoderSpec, options: BuildOptions): DecoderGraph {
  const { batch, sequence } = options;
  const weights = collectWeights(spec, options);
  const inputIds = input('input_ids', 'int', [batch, sequence]);
  let x = embed(spec, weights, inputIds, sequence);
  const hiddenStates = [x];
  const context = attentionContext(spec, weights, { batch, sequence });
  for (let layer = 0; layer < spec.numLayers; layer++) {
    x = block(context, layer, x);
    hiddenStates.push(x);
  }
  const lastBlockOut = x;
  if (spec.finalNorm !== null) x = applyNorm(weights, spec.finalNorm, 'final_norm', x);
  hiddenStates[hiddenStates.length - 1] = x;
  const products = spec.tiedHead
    ? withBias(weights, 'head', matmul(x, weights.get('embedding.token.weight').tensor, { transposeB: true }))
    : linear(weights, 'head', x);
  const logits = softCap(scale(products, spec.logitScale ?? 1), spec.logitCap);
  return { inputIds, logits, hiddenStates, lastBlockOut, parameters: weights.stored };
}

function embed(spec: DecoderSpec, weights: Weights, inputIds: Tensor, sequence: number): Tensor {
  const { positions, embeddingNorm, embeddingScale = 1 } = spec;
  let x = scale(gather(weights.get('embedding.token.weight').tensor, inputIds), embeddingScale);
  if (positions.kind === 'learned') {
    const first = positions.offset ?? 0;
    x = add(x, slice(weights.get('embedding.position.weight').tensor, 0, first, first + sequence));
  }
  return embeddingNorm === undefined ? x : applyNorm(weights, embeddingNorm, 'embedding.norm', x);
}

function block(context: AttentionContext, layer: number, x: Tensor): Tensor {
  const { spec, weights } = context;
  const [attentionName, mlpName] = [`blocks.${layer}.attention`, `blocks.${layer}.mlp`];
  const attend = (y: Tensor) => attention(context, layer, y);
  const transform = (y: Tensor) => mlp(spec, weights, layer, y);
  if (spec.parallel === undefined) {
    return applyBranch(context, mlpName, applyBranch(context, attentionName, x, attend), transform);
  }
  const normed = applyNorm(weights, spec.norm, `${attentionName}.input_norm`, x);
  const forMlp = spec.parallel === 'shared_norm' ? normed : applyNorm(weights, spec.norm, `${mlpName}.input_norm`, x);
  return add(add(x, attend(normed)), transform(forMlp));
}

/** One residual branch with its norms, wherever the placement puts them. */
function applyBranch(
  { spec, weights }: AttentionContext,
  name: string,
  x: Tensor,
  branch: (x: Tensor) => Tensor,
): Tensor {
  const normed = (place: string, y: Tensor) => applyNorm(weights, spec.norm, `${name}.${place}`, y);
  switch (spec.placement) {
    case 'pre':
      return add(x, branch(normed('input_norm', x)));
    case 'post':
      return normed('output_norm', add(x, branch(x)));
    case 'output':
      return add(x, normed('output_norm', branch(x)));
    case 'peri':
      return add(x, normed('output_norm', branch(normed('input_norm', x))));
  }
}
