import { z } from 'zod';
import { InputError } from '../../core/errors.ts';
import { decoderSpecSchema } from '../schema.ts';
import { canonicalStorage } from '../weights.ts';
import type { Family } from './family.ts';

/** The version of the format that this normlab writes, and the only one that it reads. */
export const formatVersion = 1;

const configSchema = z.looseObject({
  model_type: z.literal('normlab'),
  format_version: z.literal(formatVersion),
  spec: decoderSpecSchema,
});

/** normlab's own format, in which every decoder can be stored: the spec itself, and canonical names and shapes. */
export const normlab: Family = {
  id: 'normlab',
  modelTypes: ['normlab'],
  namePrefix: '',
  isBuffer: () => false,
  sizeKeys: {
    vocabulary: 'spec.vocabularySize',
    positions: 'spec.positions.count',
    hidden: 'spec.streamSize',
    inner: 'spec.mlp.innerSize',
    heads: 'spec.attention.numHeads',
    keyValueHeads: 'spec.attention.numKeyValueHeads',
    headSize: 'spec.attention.headSize',
  },
  parse(config, where = 'config.json') {
    const result = configSchema.safeParse(config);
    if (result.success) return result.data.spec;
    const [issue] = result.error.issues;
    const path = issue?.path.join('.') || 'the config';
    throw new InputError(`${where}: ${path}: ${(issue?.message ?? 'is malformed').replace(/\s+/g, ' ')}`);
  },
  storage: canonicalStorage,
};
