import type { PaperRecord } from '../../schema.ts';
import { measured, other } from '../values.ts';

export const rybakov2024: PaperRecord = {
  source: {
    key: 'rybakov2024',
    title: 'Methods of improving LLM training stability',
    short: 'Rybakov et al.',
    year: 2024,
    identifier: 'arXiv:2410.16682',
    kind: 'paper',
  },
  claims: [
    {
      id: 'rybakov2024/perplexity',
      comparison: 'placement',
      measures: ['quality', 'stability'],
      setting: {
        model: 'decoder language model',
        parameters: 830e6,
        hardware: null,
        precision: null,
        details: '0.2T tokens, learning rate 3e-4',
      },
      measurements: [
        measured('perplexity', 'perplexity', 'lower', [
          other('baseline', 11.19),
          other('soft_cap', 11.24),
          other('QKV_norm', 10.85),
          other('QK_norm_cap', 11),
          other('QK_norm', 10.84),
          other('QK_FC_norm', 10.87),
        ]),
      ],
      direction: 'not-applicable',
      summary:
        'Extra norms on queries and keys lower perplexity from 11.19 to 10.84 at 830M parameters; capping logits alone doesn’t (11.24).',
      doesNotShow: ['anything about LayerNorm against RMSNorm: it varies the place'],
      section: 'table of perplexities',
      confidence: 'secondary',
    },
  ],
  notes: [],
};

export const wortsman2023: PaperRecord = {
  source: {
    key: 'wortsman2023',
    title: 'Small-scale proxies for large-scale Transformer training instabilities',
    short: 'Wortsman et al.',
    year: 2023,
    identifier: 'arXiv:2309.14322',
    kind: 'paper',
  },
  claims: [
    {
      id: 'wortsman2023/qk-layernorm',
      comparison: 'placement',
      measures: ['stability'],
      setting: { model: 'decoder language models', parameters: 4.8e9, hardware: null, precision: null },
      measurements: [
        measured('learning rates that train with QK norm and z-loss', '1', 'neither', [
          other('lowest', 3e-4),
          other('highest', 0.3),
        ]),
        measured('largest size that trains so', 'parameters', 'higher', [other('QK norm and z-loss', 1.2e9)]),
        measured('learning rate at which 4.8B diverges without QK norm', '1', 'neither', [other('no QK norm', 0.01)]),
      ],
      direction: 'not-applicable',
      summary:
        'With QK norm and a z-loss, models up to 1.2B train over learning rates from 0.0003 to 0.3; without QK norm a 4.8B model diverges at 0.01, as the small ones had predicted.',
      doesNotShow: ['anything about the kind of norm'],
      section: 'main results',
      confidence: 'secondary',
    },
  ],
  notes: [],
};

const placementOnly =
  'Concerned with placement or scale. As far as it could be searched, it holds no comparison of LayerNorm and RMSNorm at 1B parameters or more.';

function neighbour(key: string, short: string, title: string, year: number, arxiv: string): PaperRecord {
  return {
    source: { key, title, short, year, identifier: `arXiv:${arxiv}`, kind: 'paper' },
    claims: [],
    notes: [placementOnly],
  };
}

export const neighbours: readonly PaperRecord[] = [
  neighbour(
    'peri-ln2025',
    'Kim et al.',
    'Peri-LN: Revisiting Normalization Layer in the Transformer Architecture',
    2025,
    '2502.02732',
  ),
  neighbour(
    'mix-ln2024',
    'Li et al.',
    'Mix-LN: Unleashing the Power of Deeper Layers by Combining Pre-LN and Post-LN',
    2024,
    '2412.13795',
  ),
  neighbour('lns2025', 'Sun et al.', 'The Curse of Depth in Large Language Models', 2025, '2502.05795'),
  neighbour(
    'spike-no-more2023',
    'Takase et al.',
    'Spike No More: Stabilizing the Pre-training of Large Language Models',
    2023,
    '2312.16903',
  ),
];
