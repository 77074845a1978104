import type { Activation, DecoderSpec, NormSpec, PositionSpec } from '../spec.ts';
import type { ConfigReader } from './config.ts';

export interface GptLike {
  readonly family: string;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly maxPositions: number | null;
  readonly positions: PositionSpec;
  readonly norm: NormSpec;
  readonly activation: Activation;
  readonly innerSize: number;
  /** Where the key is missing. */
  readonly tiedHead: boolean;
}

/**
 * The decoder of a family that is Pre-LN with a plain MLP, one key for each head, and biases everywhere but on the head.
 * What is different in a family is spread over it.
 */
export function gptLike(config: ConfigReader, own: GptLike): DecoderSpec {
  config.unsupported('quantization_config', 'quantized weights are not supported');
  const { family, hiddenSize, numLayers, numHeads, maxPositions, positions, norm } = own;
  const headSize = hiddenSize / numHeads;
  return {
    family,
    vocabularySize: config.count('vocab_size'),
    hiddenSize,
    streamSize: hiddenSize,
    numLayers,
    maxPositions,
    positions,
    norm,
    placement: 'pre',
    finalNorm: norm,
    attention: {
      numHeads,
      numKeyValueHeads: numHeads,
      headSize,
      projection: 'separate',
      qkvBias: true,
      outputBias: true,
      scales: Array.from({ length: numLayers }, () => 1 / Math.sqrt(headSize)),
      clip: null,
      qkNorm: null,
    },
    mlp: { kind: 'plain', activation: own.activation, innerSize: own.innerSize, bias: true },
    tiedHead: config.flag('tie_word_embeddings', own.tiedHead),
    headBias: false,
  };
}
