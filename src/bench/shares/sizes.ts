import { InputError } from '../../core/errors.ts';
import { didYouMean } from '../../core/suggest.ts';
import type { DecoderSpec, Gpt3Shape, Storage } from '../../models/index.ts';
import { canonicalStorage, familyOf, findPreset, gpt3Config, presetSpec } from '../../models/index.ts';
import type { NormKind } from '../../norms/index.ts';

/** A published size of GPT-3. */
export interface GptSize extends Gpt3Shape {
  readonly id: string;
  /** As the papers write it. */
  readonly name: string;
}

/** The sizes of GPT-3 up to 1.3B parameters. */
export const gptSizes: readonly GptSize[] = ['small', 'medium', 'large', 'xl'].map((id) => {
  const preset = findPreset(`gpt3-${id}`);
  const { numLayers, hiddenSize, attention } = presetSpec(preset);
  return { id, name: preset.name.replace('GPT-3 ', ''), layers: numLayers, hiddenSize, heads: attention.numHeads };
});

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
 * One block of a GPT-3 with the given norm, without final norm and with a head of its own. The stream of a CRMSNorm model
 * is one narrower.
 */
export function blockSpec(size: GptSize, kind: NormKind, tokens: number, vocabularySize: number): DecoderSpec {
  const config = gpt3Config({ ...size, layers: 1 });
  return {
    ...familyOf(config).parse(config),
    family: 'normlab',
    vocabularySize,
    streamSize: kind.id === 'crmsnorm' ? size.hiddenSize - 1 : size.hiddenSize,
    maxPositions: tokens,
    positions: { kind: 'learned', count: tokens },
    norm: { kind: kind.id, epsilon: kind.defaultEpsilon },
    finalNorm: null,
    tiedHead: false,
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
