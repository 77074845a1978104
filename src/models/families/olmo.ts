import { readHeadSize } from './attention.ts';
import { readConfig } from './config.ts';
import type { Family } from './family.ts';
import { llamaLayout, readLlamaLike } from './llama.ts';
import { runNorm } from './recentred.ts';

/** The first OLMo: Llama's layout, but LayerNorm without parameters, whose epsilon no config key says. */
export const olmo: Family = {
  id: 'olmo',
  modelTypes: ['olmo'],
  ...llamaLayout,
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    return readLlamaLike(config, 'olmo', {
      norm: runNorm(config, { kind: 'layernorm-nonparametric', epsilon: 1e-5 }),
      headSize: readHeadSize(config),
      clip: config.optionalPositive('clip_qkv'),
    });
  },
};
