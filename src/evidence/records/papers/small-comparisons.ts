import type { PaperRecord } from '../../schema.ts';
import { measured, of, other } from '../values.ts';

export const transnormer2023: PaperRecord = {
  source: {
    key: 'transnormer2023',
    title: 'TransNormerLLM: A Faster and Better Large Language Model with Improved TransNormer',
    short: 'Qin et al.',
    year: 2023,
    identifier: 'arXiv:2307.14995',
    kind: 'report',
  },
  claims: [
    {
      id: 'transnormer2023/norm-table',
      comparison: 'layernorm-vs-rmsnorm',
      measures: ['quality'],
      setting: { model: 'TransNormerLLM (linear attention)', parameters: 385e6, hardware: null, precision: null },
      measurements: [
        measured('loss over SRMSNorm, RMSNorm and LayerNorm, about', 'loss', 'lower', [
          other('lowest of the three', 2.247),
          other('highest of the three', 2.248),
        ]),
      ],
      direction: 'no-difference',
      summary:
        'A table at 385M is remembered to put a parameter-free RMSNorm, RMSNorm and LayerNorm between 2.247 and 2.248.',
      doesNotShow: ['softmax attention', 'anything firm: the table was not read again for this record'],
      section: 'table of norms',
      confidence: 'recalled',
    },
  ],
  notes: [],
};

export const reve2025: PaperRecord = {
  source: {
    key: 'reve2025',
    title: 'REVE: A Foundation Model for EEG - Adapting to Any Setup with Large-Scale Pretraining on 25,000 Subjects',
    short: 'El Ouahidi et al.',
    year: 2025,
    identifier: 'arXiv:2510.21585',
    kind: 'paper',
  },
  claims: [
    {
      id: 'reve2025/norm',
      comparison: 'layernorm-vs-rmsnorm',
      measures: ['quality'],
      setting: { model: 'REVE, an encoder of EEG signals', parameters: null, hardware: null, precision: null },
      measurements: [measured('mean task score', '1', 'higher', [of('layernorm', 0.579), of('rmsnorm', 0.596)])],
      direction: 'rmsnorm-better',
      summary: 'On brain signals RMSNorm scores 0.596 and LayerNorm 0.579.',
      doesNotShow: ['language models: the inputs are EEG recordings', 'a spread'],
      section: 'ablation of the architecture',
      confidence: 'secondary',
    },
  ],
  notes: [],
};
