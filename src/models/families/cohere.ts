import type { DecoderSpec } from '../spec.ts';
import { readHeadSize, readRotary, readWindowedLayers, windowsOf } from './attention.ts';
import { type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, readLlamaLike } from './llama.ts';
import { runNorm } from './recentred.ts';

/** Command R: Llama's layout with both branches side by side, one LayerNorm without bias, and scaled logits. */
export const cohere: Family = {
  id: 'cohere',
  modelTypes: ['cohere'],
  ...llamaLayout,
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    config.unsupported('use_qk_norm', 'norms on queries and keys are not supported here', [false]);
    return parse(config, 'cohere');
  },
};

/** Command R7B and A: Command R with a window in most layers; the others don't rotate. */
export const cohere2: Family = {
  ...cohere,
  id: 'cohere2',
  modelTypes: ['cohere2'],
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const decoder = parse(config, 'cohere2');
    const { numLayers, positions } = decoder;
    const pattern = config.count('sliding_window_pattern', 4);
    const isWindowed = readWindowedLayers(config, numLayers, (layer) => (layer + 1) % pattern !== 0);
    const window = config.nullableCount('sliding_window', 4096);
    const layers = Array.from({ length: numLayers }, (_, layer) => window !== null && isWindowed(layer));
    return {
      ...decoder,
      positions: positions.kind === 'rotary' ? { ...positions, layers } : positions,
      attention: { ...decoder.attention, ...windowsOf(numLayers, window, isWindowed) },
    };
  },
};

function parse(config: ConfigReader, family: string): DecoderSpec {
  const headSize = readHeadSize(config);
  const decoder = readLlamaLike(config, family, {
    norm: runNorm(config, { kind: 'layernorm-nobias', epsilon: config.positive('layer_norm_eps', 1e-5) }),
    headSize,
    positions: { ...readRotary(config, headSize), interleaved: true },
    maxPositions: 8192,
    tiedHead: true,
  });
  return { ...decoder, parallel: 'shared_norm', logitScale: config.positive('logit_scale', 0.0625) };
}
