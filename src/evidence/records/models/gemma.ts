import type { ModelRecord } from '../../schema.ts';
import { classDefault, fromCode, noAblationFound, transformersCode } from '../values.ts';

const base = {
  family: 'gemma',
  organization: 'Google',
  norm: 'rmsnorm-gemma',
  finalNorm: 'rmsnorm-gemma',
  epsilon: classDefault('rms_norm_eps', 1e-6),
  ablation: noAblationFound,
  corrections: [],
  confidence: 'read',
} as const;

function toStabilize(source: string): ModelRecord['statedReason'] {
  return {
    text: 'RMSNorm is applied to stabilize training.',
    grounds: ['stability'],
    addresses: 'both',
    backing: 'citation',
    source,
    section: 'architecture',
    confidence: 'read',
  };
}

export const gemmaModels: readonly ModelRecord[] = [
  {
    ...base,
    id: 'gemma-1',
    name: 'Gemma',
    aliases: ['gemma 1', 'gemma1'],
    year: 2024,
    sizes: ['2B', '7B'],
    placement: 'pre',
    qkNorm: null,
    reportRead: true,
    statedReason: toStabilize('gemma2024'),
    notes: [
      'The weight is stored as an offset from 1 and multiplied in float32; forgetting the offset is a known conversion bug.',
      'Tied head, embeddings scaled by the square root of the width.',
    ],
    sources: [
      { source: 'gemma2024', section: 'architecture' },
      { source: transformersCode, section: 'models/gemma' },
    ],
  },
  {
    ...base,
    id: 'gemma-2',
    name: 'Gemma 2',
    aliases: [],
    year: 2024,
    sizes: ['2B', '9B', '27B'],
    placement: 'peri',
    qkNorm: null,
    reportRead: true,
    statedReason: toStabilize('gemma2-2024'),
    notes: ['A norm before and after every sublayer, so a norm’s output enters the residual stream.'],
    sources: [
      { source: 'gemma2-2024', section: 'architecture' },
      { source: transformersCode, section: 'models/gemma2' },
    ],
  },
  {
    ...base,
    id: 'gemma-3',
    name: 'Gemma 3',
    aliases: [],
    year: 2025,
    sizes: ['1B', '4B', '12B', '27B'],
    placement: 'peri',
    qkNorm: 'RMSNorm per head on queries and keys; it replaces the soft cap of attention logits',
    reportRead: true,
    statedReason: null,
    notes: ['A reason is given for the QK norm only.'],
    sources: [
      { source: 'gemma3-2025', section: 'architecture' },
      { source: transformersCode, section: 'models/gemma3' },
    ],
  },
  fromCode('gemma4', {
    id: 'gemma-4',
    name: 'Gemma 3n and Gemma 4',
    family: 'gemma',
    aliases: ['gemma 4', 'gemma 3n', 'gemma-3n'],
    organization: 'Google',
    year: 2026,
    norm: 'rmsnorm',
    placement: 'peri',
    qkNorm: 'RMSNorm on queries, keys and values',
    epsilon: classDefault('rms_norm_eps', 1e-6),
    notes: ['The weight is plain again, without the offset of 1; some norms have no weight.'],
  }),
  fromCode('vaultgemma', {
    id: 'vaultgemma',
    name: 'VaultGemma',
    family: 'gemma',
    organization: 'Google',
    year: 2025,
    norm: 'rmsnorm-gemma',
    placement: 'pre',
    epsilon: classDefault('rms_norm_eps', 1e-6),
  }),
];
