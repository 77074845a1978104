import { add, gather, matmul, mean, scale, slice, sub, type Tensor } from '../graph/index.ts';
import { type AttentionContext, attention, softCap } from './attention.ts';
import { mlp } from './mlp.ts';
import { learnedRows, type Positions, sinusoids } from './positions.ts';
import type { DecoderSpec } from './spec.ts';
import { applyNorm, linear, type Weights, withBias } from './weights.ts';

/** What the head reads: the stream after the final norm, where there is one, in the embeddings' width. */
export function normedAtTheEnd(spec: DecoderSpec, weights: Weights, x: Tensor): Tensor {
  const normed = spec.finalNorm === null ? x : applyNorm(weights, spec.finalNorm, 'final_norm', x);
  return spec.embeddingSize === undefined ? normed : linear(weights, 'head.projection', normed);
}

/** The logits of what the final norm gives. */
export function logitsOf(spec: DecoderSpec, weights: Weights, x: Tensor): Tensor {
  const products = spec.tiedHead
    ? withBias(weights, 'head', matmul(x, weights.get('embedding.token.weight').tensor, { transposeB: true }))
    : linear(weights, 'head', x);
  return softCap(scale(products, spec.logitScale ?? 1), spec.logitCap);
}

/** The stream at the first block: the embeddings' sum `[batch, sequence, streamSize]`. */
export function embed(spec: DecoderSpec, weights: Weights, inputIds: Tensor, at: Positions): Tensor {
  const { positions, embeddingNorm, embeddingScale = 1 } = spec;
  let x = scale(gather(weights.get('embedding.token.weight').tensor, inputIds), embeddingScale);
  if (spec.embeddingSize !== undefined) x = linear(weights, 'embedding.projection', x);
  if (positions.kind === 'sinusoidal') x = add(x, sinusoids(positions, at, spec.hiddenSize));
  if (positions.kind === 'learned') {
    x = add(x, learnedRows(at, weights.get('embedding.position.weight').tensor, positions.offset ?? 0));
  }
  if (embeddingNorm !== undefined) x = applyNorm(weights, embeddingNorm, 'embedding.norm', x);
  return spec.recentreInput ? recentred(spec, x) : x;
}

function recentred({ hiddenSize, streamSize }: DecoderSpec, x: Tensor): Tensor {
  const centred = sub(x, mean(x, [-1]));
  return streamSize === hiddenSize ? centred : slice(centred, -1, 0, streamSize);
}

/** A block on the stream. */
export function block(context: AttentionContext, layer: number, x: Tensor): Tensor {
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
  transform: (x: Tensor) => Tensor,
): Tensor {
  const { residualScale = 1 } = spec;
  const branch = (y: Tensor) => (residualScale === 1 ? transform(y) : scale(transform(y), residualScale));
  const normed = (place: string, y: Tensor) => applyNorm(weights, spec.norm, `${name}.${place}`, y);
  switch (spec.placement) {
    case 'pre':
      return residual(spec, x, normed('input_norm', x), branch);
    case 'post':
      return normed('output_norm', add(x, branch(x)));
    case 'output':
      return add(x, normed('output_norm', branch(x)));
    case 'peri':
      return add(x, normed('output_norm', branch(normed('input_norm', x))));
  }
}

function residual(spec: DecoderSpec, x: Tensor, normed: Tensor, branch: (x: Tensor) => Tensor): Tensor {
  return add(spec.residualFromNorm ? normed : x, branch(normed));
}
