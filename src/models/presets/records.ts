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

/** Every published size that normlab knows by name. */
export const presets: readonly Preset[] = [
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
