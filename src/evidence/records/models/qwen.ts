import type { ModelRecord } from '../../schema.ts';
import { classDefault, fromCode, noAblationFound, transformersCode } from '../values.ts';

const base = {
  family: 'qwen',
  aliases: [],
  organization: 'Alibaba',
  norm: 'rmsnorm',
  placement: 'pre',
  finalNorm: 'rmsnorm',
  qkNorm: null,
  epsilon: classDefault('rms_norm_eps', 1e-6),
  reportRead: true,
  statedReason: null,
  ablation: noAblationFound,
  confidence: 'read',
} as const;

const citation =
  'For RMSNorm the report cites Jiang et al. (2023), the paper on equivalent conversions, and not Zhang & Sennrich.';

function miscited(report: string, section: string) {
  return [
    {
      belief: 'Qwen takes its case for RMSNorm from the paper that introduced it.',
      why: 'It cites Jiang et al. (2023) instead, which shows that a Pre-LN model can be rewritten with RMSNorm at the same function; that isn’t evidence on training the two independently.',
      sources: [
        { source: report, section },
        { source: 'jiang2023', section: 'Sec. 3' },
      ],
    },
  ];
}

export const qwenModels: readonly ModelRecord[] = [
  {
    ...base,
    id: 'qwen-1',
    name: 'Qwen',
    aliases: ['qwen 1', 'qwen1'],
    year: 2023,
    sizes: ['1.8B', '7B', '14B', '72B'],
    statedReason: {
      text: 'RMSNorm replaces LayerNorm because it performs as well and costs less.',
      grounds: ['same-quality', 'speed'],
      addresses: 'kind',
      backing: 'citation',
      source: 'qwen2023',
      section: '§2.3',
      confidence: 'read',
    },
    epsilon: null,
    corrections: miscited('qwen2023', '§2.3'),
    notes: [citation, 'Biases only on queries, keys and values.'],
    sources: [{ source: 'qwen2023', section: '§2.3' }],
  },
  {
    ...base,
    id: 'qwen-2',
    name: 'Qwen2',
    aliases: ['qwen 2'],
    year: 2024,
    sizes: ['0.5B', '1.5B', '7B', '57B-A14B', '72B'],
    reportRead: false,
    corrections: [],
    notes: [
      'The report wasn’t read for this record; a summary of it has RMSNorm, again with Jiang et al. (2023), and pre-normalization serve the stability of training.',
      'Biases only on queries, keys and values.',
    ],
    sources: [{ source: transformersCode, section: 'models/qwen2' }],
  },
  {
    ...base,
    id: 'qwen-2.5',
    name: 'Qwen2.5',
    aliases: ['qwen 2.5'],
    year: 2024,
    sizes: ['0.5B', '1.5B', '3B', '7B', '14B', '32B', '72B'],
    corrections: miscited('qwen2-5-2024', 'architecture'),
    notes: [citation, 'Biases only on queries, keys and values.'],
    sources: [
      { source: 'qwen2-5-2024', section: 'architecture' },
      { source: transformersCode, section: 'models/qwen2' },
    ],
  },
  {
    ...base,
    id: 'qwen-3',
    name: 'Qwen3',
    aliases: ['qwen 3'],
    year: 2025,
    sizes: ['0.6B', '1.7B', '4B', '8B', '14B', '32B', '30B-A3B', '235B-A22B'],
    qkNorm: 'RMSNorm per head on queries and keys',
    corrections: miscited('qwen3-2025', 'architecture'),
    notes: [
      citation,
      'The biases on queries, keys and values are gone and QK norm has come in, which the report says is for stable training; that is a reason for the QK norm, not for the kind.',
    ],
    sources: [
      { source: 'qwen3-2025', section: 'architecture' },
      { source: transformersCode, section: 'models/qwen3' },
    ],
  },
  fromCode('qwen3_next', {
    id: 'qwen3-next',
    name: 'Qwen3-Next',
    family: 'qwen',
    aliases: ['qwen 3.5'],
    organization: 'Alibaba',
    year: 2025,
    norm: 'rmsnorm-gemma',
    placement: 'pre',
    qkNorm: 'RMSNorm per head on queries and keys',
    epsilon: classDefault('rms_norm_eps', 1e-6),
    notes: ['The weight is stored as an offset from 1, and the linear-attention layers have a gated RMSNorm.'],
  }),
];
