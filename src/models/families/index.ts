import { InputError, RefusalError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { didYouMean } from '../../core/suggest.ts';
import type { Family } from './family.ts';
import { gpt2 } from './gpt2.ts';
import { llama } from './llama.ts';
import { normlab } from './normlab.ts';
import { olmo } from './olmo.ts';

/** Every model family that normlab reads. */
export const families: readonly Family[] = [gpt2, llama, olmo, normlab];

/**
 * The family of a parsed `config.json`, by its `model_type`; `where` begins the messages.
 *
 * Throws InputError where there is no `model_type`, RefusalError for one that normlab does not read.
 */
export function familyOf(config: Readonly<Record<string, unknown>>, where = 'config.json'): Family {
  const { model_type: modelType } = config;
  const supported = families.flatMap(({ modelTypes }) => modelTypes);
  const known = `supported: ${supported.join(', ')}`;
  if (typeof modelType !== 'string') throw new InputError(`${where}: model_type is missing; ${known}`);
  const family = families.find(({ modelTypes }) => modelTypes.includes(modelType));
  if (family !== undefined) return family;
  throw new RefusalError(
    `${where}: model_type is ${quote(modelType)}, which is not supported${didYouMean(modelType, supported)}; ${known}`,
  );
}
