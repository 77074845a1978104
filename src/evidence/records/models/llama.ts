import type { ModelRecord } from '../../schema.ts';
import { classDefault, fromCode, noAblationFound, transformersCode } from '../values.ts';

const code = { source: transformersCode, section: 'models/llama' } as const;

const base = {
  family: 'llama',
  organization: 'Meta',
  norm: 'rmsnorm',
  placement: 'pre',
  finalNorm: 'rmsnorm',
  qkNorm: null,
  statedReason: null,
  ablation: noAblationFound,
  confidence: 'read',
} as const;

export const llamaModels: readonly ModelRecord[] = [
  {
    ...base,
    id: 'llama-1',
    name: 'LLaMA',
    aliases: ['llama 1', 'llama1'],
    year: 2023,
    sizes: ['7B', '13B', '33B', '65B'],
    epsilon: {
      value: 1e-6,
      source: 'llama-cpp-2384',
      note: 'as a runtime’s developers state it of the published weights',
      confidence: 'read',
    },
    reportRead: true,
    statedReason: {
      text: 'The input of each sublayer is normalized, and not its output, for the sake of stable training; RMSNorm is named as the function that does it, with a citation.',
      grounds: ['stability'],
      addresses: 'placement',
      backing: 'citation',
      source: 'llama2023',
      section: '§2.2',
      confidence: 'read',
    },
    corrections: [
      {
        belief: 'LLaMA took RMSNorm over from GPT-3.',
        why: 'The bracket [GPT3] is about pre-normalization. For RMSNorm the report cites Zhang & Sennrich, and GPT-3 uses LayerNorm.',
        sources: [
          { source: 'llama2023', section: '§2.2' },
          { source: 'gpt3-2020', section: '§2.1' },
        ],
      },
    ],
    notes: [
      'The weight multiplies after the cast back to the input’s dtype; Gemma, OLMo 2 and gpt-oss multiply before it.',
    ],
    sources: [{ source: 'llama2023', section: '§2.2' }, code],
  },
  {
    ...base,
    id: 'llama-2',
    name: 'Llama 2',
    aliases: [],
    year: 2023,
    sizes: ['7B', '13B', '70B'],
    epsilon: {
      value: 1e-5,
      source: 'llama-cpp-2384',
      note: 'as a runtime’s developers state it of the published weights; running it with 1e-6 costs perplexity',
      confidence: 'read',
    },
    reportRead: true,
    corrections: [],
    notes: ['The report says that it pre-normalizes with RMSNorm and gives no reason.'],
    sources: [{ source: 'llama2-2023', section: 'architecture' }, code],
  },
  {
    ...base,
    id: 'llama-3',
    name: 'Llama 3',
    aliases: ['llama 3.1', 'llama 3.2', 'llama 3.3'],
    year: 2024,
    sizes: ['8B', '70B', '405B'],
    epsilon: { value: 1e-5, source: 'flashnorm2024', note: 'as that paper gives it', confidence: 'read' },
    reportRead: false,
    corrections: [],
    notes: ['The report is remembered not to discuss the choice of norm; that wasn’t checked again.'],
    sources: [code],
  },
  fromCode('llama4', {
    id: 'llama-4',
    name: 'Llama 4',
    family: 'llama',
    organization: 'Meta',
    year: 2025,
    norm: 'rmsnorm',
    placement: 'pre',
    qkNorm: 'RMSNorm without weight on queries and keys, in the layers with rotary positions',
    epsilon: classDefault('rms_norm_eps', 1e-5),
  }),
];
