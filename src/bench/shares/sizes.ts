import { InputError } from '../../core/errors.ts';
import { didYouMean } from '../../core/suggest.ts';
import type { DecoderSpec, Storage } from '../../models/index.ts';
import { canonicalStorage } from '../../models/index.ts';
import type { NormKind } from '../../norms/index.ts';

/** A published size of GPT-3. */
export interface GptSize {
  readonly id: string;
  /** As the papers write it. */
  readonly name: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
}

/**
 * The sizes of [Brown et al. 2020, Table 2.1] up to 1.3B parameters. Its row for XL has 24 heads of 128, which would be
 * 3072 and not its hidden size of 2048: here they are 16.
 */
export const gptSizes: readonly GptSize[] = [
  { id: 'small', name: 'Small', layers: 12, hiddenSize: 768, heads: 12 },
  { id: 'medium', name: 'Medium', layers: 24, hiddenSize: 1024, heads: 16 },
  { id: 'large', name: 'Large', layers: 24, hiddenSize: 1536, heads: 16 },
  { id: 'xl', name: 'XL', layers: 24, hiddenSize: 2048, heads: 16 },
];

export const gptVocabularySize = 50257;

/** The size of that id, in upper or lower case. Throws InputError with the nearest one when there is none. */
export function gptSize(id: string): GptSize {
  const found = gptSizes.find((size) => size.id === id.toLowerCase());
  if (found) return found;
  const ids = gptSizes.map((size) => size.id);
  throw new InputError(
    `bench shares: there is no size "${id}"${didYouMean(id, ids)}. Known: ${ids.join(', ')}, as in GPT-3`,
  );
}

/**
 * One block of a GPT-3 with the given norm, without final norm: learned positions, biases, GELU by tanh, 4d in the MLP,
 * the norm before each branch [GPT-2 §2.3]. The stream of a CRMSNorm model is one narrower.
 */
export function blockSpec(size: GptSize, kind: NormKind, tokens: number, vocabularySize: number): DecoderSpec {
  const { hiddenSize, heads } = size;
  return {
    family: 'normlab',
    vocabularySize,
    hiddenSize,
    streamSize: kind.id === 'crmsnorm' ? hiddenSize - 1 : hiddenSize,
    numLayers: 1,
    maxPositions: tokens,
    positions: { kind: 'learned', count: tokens },
    norm: { kind: kind.id, epsilon: kind.defaultEpsilon },
    placement: 'pre',
    finalNorm: null,
    attention: {
      numHeads: heads,
      numKeyValueHeads: heads,
      headSize: hiddenSize / heads,
      projection: 'fused',
      qkvBias: true,
      outputBias: true,
      scales: [1 / Math.sqrt(hiddenSize / heads)],
      clip: null,
      qkNorm: null,
    },
    mlp: { kind: 'plain', activation: 'gelu_tanh', innerSize: 4 * hiddenSize, bias: true },
    tiedHead: false,
    headBias: false,
  };
}

/** Matrices of linears as `[in, out]`, as GPT-2 stores them: the engine multiplies by them as they are. */
export function inOutStorage(spec: DecoderSpec): Storage {
  return new Map(
    [...canonicalStorage(spec)].map(([name, stored]) => [
      name,
      { ...stored, transposed: name.endsWith('.weight') && !name.includes('norm') && !name.startsWith('embedding') },
    ]),
  );
}
