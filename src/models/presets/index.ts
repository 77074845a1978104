import { InputError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { didYouMean } from '../../core/suggest.ts';
import { familyOf } from '../families/index.ts';
import type { DecoderSpec } from '../spec.ts';
import type { Preset } from './preset.ts';
import { presets } from './records.ts';

export { type Gpt3Shape, gpt3Config, gpt3VocabularySize } from './gpt3.ts';
export type { Preset, PublishedCount } from './preset.ts';
export { presets } from './records.ts';

/** The preset of that id, in upper or lower case. Throws InputError with the nearest one where there is none. */
export function findPreset(id: string): Preset {
  const found = presets.find((preset) => preset.id === id.toLowerCase());
  if (found !== undefined) return found;
  const ids = presets.map((preset) => preset.id);
  throw new InputError(`there is no preset ${quote(id)}${didYouMean(id, ids)}; normlab models lists all of them`);
}

/** The decoder of a preset, as its family reads the config. */
export function presetSpec({ id, config }: Preset): DecoderSpec {
  const where = `preset ${id}`;
  return familyOf(config, where).parse(config, where);
}
