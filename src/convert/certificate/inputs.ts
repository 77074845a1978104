import { basename } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { createRandom } from '../../core/random.ts';
import type { DecoderSpec, Model } from '../../models/index.ts';
import type { CertificateInputs } from './schema.ts';
import { textIds } from './text.ts';

/** On what to compare: random ids of a seed, the beginning of a text file, or token ids `[batch, sequence]` with a word on where they are from. */
export type InputsOptions =
  | { readonly seed: number }
  | {
      /** Path of a UTF-8 file. */
      readonly text: string;
      /** How many tokens at most. Default 256. */
      readonly tokens?: number | undefined;
    }
  | { readonly label: string; readonly inputIds: readonly (readonly number[])[] };

const shape = { batch: 2, sequence: 32 };

/**
 * The token ids of a certificate: uniformly random ones `[2, 32]`, shorter where the decoder is; those of a text, by the
 * model's own tokenizer; or those that were given. Throws InputError where the model can't read them.
 */
export async function certificateInputs(
  { folder, spec }: Pick<Model, 'folder' | 'spec'>,
  options: InputsOptions,
): Promise<CertificateInputs> {
  if ('inputIds' in options) {
    checkIds(spec, options.inputIds);
    return { kind: 'given', label: options.label, inputIds: options.inputIds };
  }
  if ('text' in options) {
    const { tokenizer, inputIds } = await textIds(folder, spec, options.text, options.tokens);
    return { kind: 'text', file: basename(options.text), tokenizer, inputIds };
  }
  const random = createRandom(options.seed).split('certificate inputs');
  const sequence = Math.min(shape.sequence, spec.maxPositions ?? shape.sequence);
  const inputIds = Array.from({ length: shape.batch }, () =>
    Array.from({ length: sequence }, () => random.integer(spec.vocabularySize)),
  );
  return { kind: 'random', seed: options.seed, inputIds };
}

function checkIds({ vocabularySize, maxPositions }: DecoderSpec, inputIds: readonly (readonly number[])[]): void {
  const length = inputIds[0]?.length ?? 0;
  if (length === 0 || inputIds.some((row) => row.length !== length)) {
    throw new InputError('convert: the token ids to compare on are not a rectangle [batch, sequence] of at least one');
  }
  if (maxPositions !== null && length > maxPositions) {
    throw new InputError(`convert: ${length} tokens to compare on, but the model has ${maxPositions} positions`);
  }
  const bad = inputIds.flat().find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (bad !== undefined) {
    throw new InputError(`convert: ${bad} is no token id of a model with a vocabulary of ${vocabularySize}`);
  }
}
