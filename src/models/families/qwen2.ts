import type { DecoderSpec } from '../spec.ts';
import { dividedHeadSize, readWindowedLayers, windowsOf } from './attention.ts';
import { type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, readLlamaLike } from './llama.ts';
import { isWrittenBefore } from './version.ts';

/** Qwen2 and Qwen2.5: Llama's layout with biases on queries, keys and values alone. */
export const qwen2: Family = {
  id: 'qwen2',
  modelTypes: ['qwen2'],
  ...llamaLayout,
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const decoder = readLlamaLike(config, 'qwen2', {
      norm: { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-6) },
      headSize: config.optionalCount('head_dim') ?? dividedHeadSize(config, 'hidden_size', 'num_attention_heads'),
      keyValueHeads: 32,
      maxPositions: 32_768,
      attentionBias: false,
    });
    const attention = { ...decoder.attention, qkvBias: true, ...qwenWindows(config, decoder) };
    return { ...decoder, attention };
  },
};

/**
 * Qwen's windows: none unless `use_sliding_window`, and then in the layers that `layer_types` names, else from the layer
 * `max_window_layers` on. The code of the mixtures, and that of all before transformers 4.53, takes no notice of the
 * latter and gives every layer the window.
 */
export function qwenWindows(config: ConfigReader, { numLayers, mlp }: DecoderSpec): ReturnType<typeof windowsOf> {
  if (!config.flag('use_sliding_window', false)) return {};
  const isEverywhere = mlp.experts !== undefined || isWrittenBefore(config, 4, 53);
  const firstWindowed = isEverywhere ? 0 : config.zeroOrCount('max_window_layers', 28);
  const isWindowed = readWindowedLayers(config, numLayers, (layer) => layer >= firstWindowed);
  return windowsOf(numLayers, config.nullableCount('sliding_window', 4096), isWindowed);
}
