import { InputError, RefusalError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { didYouMean } from '../../core/suggest.ts';
import { familyOf } from '../families/index.ts';
import type { DecoderSpec } from '../spec.ts';
import { bloomPresets } from './bloom.ts';
import { deepseekPresets } from './deepseek.ts';
import { falconPresets } from './falcon.ts';
import { gemmaPresets } from './gemma.ts';
import { gpt2Presets } from './gpt2.ts';
import { gpt3Presets } from './gpt3.ts';
import { llamaPresets } from './llama.ts';
import { olmoPresets } from './olmo.ts';
import { optPresets } from './opt.ts';
import type { Preset } from './preset.ts';
import { pythiaPresets } from './pythia.ts';
import { qwenPresets } from './qwen.ts';

export { type Gpt3Shape, gpt3Config, gpt3VocabularySize } from './gpt3.ts';
export type { Preset, PublishedCount } from './preset.ts';

const records: readonly Preset[] = [
  ...gpt2Presets,
  ...gpt3Presets,
  ...llamaPresets,
  ...olmoPresets,
  ...qwenPresets,
  ...deepseekPresets,
  ...gemmaPresets,
  ...pythiaPresets,
  ...optPresets,
  ...bloomPresets,
  ...falconPresets,
];

/** Every published size that normlab knows by name and whose config a family reads. */
export const presets: readonly Preset[] = records.filter(isRead);

function isRead(preset: Preset): boolean {
  try {
    presetSpec(preset);
    return true;
  } catch (error) {
    if (error instanceof RefusalError) return false;
    throw error;
  }
}

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
