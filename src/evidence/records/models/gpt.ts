import type { ModelRecord } from '../../schema.ts';
import { classDefault, fromCode, noAblationFound, transformersCode } from '../values.ts';

export const gptModels: readonly ModelRecord[] = [
  fromCode('gpt2', {
    id: 'gpt-2',
    name: 'GPT-2',
    family: 'gpt',
    organization: 'OpenAI',
    year: 2019,
    sizes: ['124M', '355M', '774M', '1.5B'],
    norm: 'layernorm',
    placement: 'pre',
    epsilon: classDefault('layer_norm_epsilon', 1e-5),
    notes: ['Tied head; linear layers with bias, stored transposed (Conv1D).'],
  }),
  {
    id: 'gpt-3',
    name: 'GPT-3',
    family: 'gpt',
    aliases: ['gpt-3 175b', 'davinci'],
    organization: 'OpenAI',
    year: 2020,
    sizes: ['125M', '350M', '760M', '1.3B', '2.7B', '6.7B', '13B', '175B'],
    norm: 'layernorm',
    placement: 'pre',
    finalNorm: 'layernorm',
    qkNorm: null,
    epsilon: null,
    reportRead: true,
    statedReason: null,
    ablation: noAblationFound,
    corrections: [
      {
        belief: 'RMSNorm came to Llama from GPT-3.',
        why: 'LLaMA’s bracket [GPT3] stands on pre-normalization; RMSNorm itself it credits to Zhang & Sennrich. GPT-3 says that it has the architecture of GPT-2, pre-normalization included, and never names RMSNorm, and GPT-2 uses LayerNorm with an epsilon of 1e-5. The large models that had RMSNorm before Llama are others: T5 (2019), RETRO up to 7B and Gopher (2021), Chinchilla (2022).',
        sources: [
          { source: 'llama2023', section: '§2.2' },
          { source: 'gpt3-2020', section: '§2.1' },
          { source: transformersCode, section: 'models/gpt2' },
          { source: 't5-2019', section: '§2.1' },
          { source: 'gopher2021', section: 'architecture' },
          { source: 'retro2021', section: 'architecture' },
        ],
      },
    ],
    confidence: 'read',
    notes: [
      'The report doesn’t print its norm’s name or epsilon: both norms and the final one follow from its reference to GPT-2.',
    ],
    sources: [
      { source: 'gpt3-2020', section: '§2.1' },
      { source: transformersCode, section: 'models/gpt2' },
    ],
  },
];
