import { input, type Tensor } from '../graph/index.ts';
import { attentionContext } from './attention.ts';
import { block, embed, logitsOf, normedAtTheEnd } from './blocks.ts';
import type { DecoderSpec } from './spec.ts';
import { type BuildOptions, collectWeights } from './weights.ts';

/** A decoder's graph. */
export interface DecoderGraph {
  /** int `[batch, sequence]`, named `input_ids` */
  readonly inputIds: Tensor;
  /** `[batch, sequence, vocabularySize]` */
  readonly logits: Tensor;
  /** The embeddings' sum, then the stream after each block; the last one is what the head reads. `[batch, sequence, streamSize]` */
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
  const positions = { kind: 'counted', length: sequence } as const;
  let x = embed(spec, weights, inputIds, positions);
  const hiddenStates = [x];
  const context = attentionContext(spec, weights, { batch, positions });
  for (let layer = 0; layer < spec.numLayers; layer++) {
    x = block(context, layer, x);
    hiddenStates.push(x);
  }
  const lastBlockOut = x;
  x = normedAtTheEnd(spec, weights, x);
  hiddenStates[hiddenStates.length - 1] = x;
  return { inputIds, logits: logitsOf(spec, weights, x), hiddenStates, lastBlockOut, parameters: weights.stored };
}
