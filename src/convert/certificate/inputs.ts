import { InputError } from '../../core/errors.ts';
import { createRandom } from '../../core/random.ts';
import type { DecoderSpec } from '../../models/index.ts';
import type { CertificateInputs } from './schema.ts';

/** On what to compare: random ids of a seed, or token ids `[batch, sequence]` with a word on where they are from. */
export type InputsOptions =
  | { readonly seed: number }
  | { readonly label: string; readonly inputIds: readonly (readonly number[])[] };

const shape = { batch: 2, sequence: 32 };

/** The token ids of a certificate: uniformly random ones `[2, 32]`, shorter where the decoder is, or those that were given. */
export function certificateInputs(spec: DecoderSpec, options: InputsOptions): CertificateInputs {
  if ('inputIds' in options) {
    checkIds(spec, options.inputIds);
    return { kind: 'given', label: options.label, inputIds: options.inputIds };
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
