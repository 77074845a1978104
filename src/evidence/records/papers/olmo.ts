import type { PaperRecord } from '../../schema.ts';
import { measured, of, other } from '../values.ts';

export const olmo2024: PaperRecord = {
  source: {
    key: 'olmo2024',
    title: 'OLMo: Accelerating the Science of Language Models',
    short: 'Groeneveld et al.',
    year: 2024,
    identifier: 'arXiv:2402.00838',
    kind: 'report',
  },
  claims: [
    {
      id: 'olmo2024/choice',
      comparison: 'nonparametric-layernorm-vs-rmsnorm',
      measures: ['speed', 'stability'],
      setting: { model: 'OLMo', parameters: null, hardware: null, precision: null },
      measurements: [],
      direction: 'layernorm-better',
      summary:
        'LayerNorm without parameters is called the safest choice and faster than both LayerNorm with parameters and RMSNorm; nothing measured is shown.',
      doesNotShow: ['any number: it is the authors’ belief', 'LayerNorm with parameters against RMSNorm'],
      section: '§2.1',
      confidence: 'read',
    },
  ],
  notes: [],
};

export const olmoe2024: PaperRecord = {
  source: {
    key: 'olmoe2024',
    title: 'OLMoE: Open Mixture-of-Experts Language Models',
    short: 'Muennighoff et al.',
    year: 2024,
    identifier: 'arXiv:2409.02060',
    kind: 'report',
  },
  claims: [
    {
      id: 'olmoe2024/norm-kind',
      comparison: 'nonparametric-layernorm-vs-rmsnorm',
      measures: ['quality', 'stability', 'speed'],
      setting: {
        model: 'OLMoE',
        parameters: null,
        hardware: null,
        precision: null,
        details: 'gradients clipped at 1.0',
      },
      measurements: [
        measured('change of training throughput', '%', 'higher', [
          of('layernorm-nonparametric', 0),
          of('rmsnorm', -15),
        ]),
      ],
      direction: 'rmsnorm-better',
      summary:
        'RMSNorm with a gain trains to a better loss and better downstream scores than LayerNorm without parameters, whose gradient norm spikes often; it costs 15% of throughput and was adopted all the same.',
      doesNotShow: [
        'LayerNorm against RMSNorm: the learned gain is added at the same moment as the mean is dropped',
        'how many spikes or how much loss: the figures are plots without numbers in the text',
        'spikes sampled alike: the RMSNorm run logs less often after 75B tokens (caption of Fig. 16)',
      ],
      section: '§4.2.3, Figs. 14–16 (v2)',
      confidence: 'read',
    },
    {
      id: 'olmoe2024/qk-norm',
      comparison: 'placement',
      measures: ['quality', 'stability', 'speed'],
      setting: { model: 'OLMoE', parameters: null, hardware: null, precision: null },
      measurements: [
        measured('change of training throughput, about', '%', 'higher', [
          other('no QK norm', 0),
          other('QK norm', -10),
        ]),
      ],
      direction: 'not-applicable',
      summary: 'Normalizing queries and keys helps stability and loss at roughly 10% of throughput.',
      doesNotShow: ['anything about the kind of norm'],
      section: '§4.2.3',
      confidence: 'read',
    },
    {
      id: 'olmoe2024/gain-decay',
      comparison: 'implementation',
      measures: ['quality'],
      setting: { model: 'OLMoE', parameters: null, hardware: null, precision: null },
      measurements: [],
      direction: 'not-applicable',
      summary: 'Applying weight decay to the gains of RMSNorm too is slightly better than exempting them.',
      doesNotShow: ['a number'],
      section: 'Fig. 15',
      confidence: 'read',
    },
  ],
  notes: ['The training runs are public on the authors’ Weights & Biases page.'],
};

export const olmo22025: PaperRecord = {
  source: {
    key: 'olmo2-2025',
    title: '2 OLMo 2 Furious',
    short: 'OLMo team',
    year: 2025,
    identifier: 'arXiv:2501.00656',
    kind: 'report',
  },
  claims: [
    {
      id: 'olmo2-2025/norm-kind',
      comparison: 'nonparametric-layernorm-vs-rmsnorm',
      measures: ['quality', 'stability'],
      setting: { model: 'OLMo 2', parameters: null, hardware: null, precision: null },
      measurements: [],
      direction: 'no-difference',
      summary:
        'The report’s own ablations of RMSNorm against LayerNorm without parameters found no difference; none is printed.',
      doesNotShow: [
        'a number, a size or a spread',
        'LayerNorm with parameters against RMSNorm',
        'agreement with OLMoE, which preferred RMSNorm in the same comparison',
      ],
      section: '§3.3.1',
      confidence: 'read',
    },
    {
      id: 'olmo2-2025/reordering',
      comparison: 'placement',
      measures: ['stability'],
      setting: { model: 'OLMo 2', parameters: null, hardware: null, precision: null },
      measurements: [
        measured('spike score of the gradient norm', '%', 'lower', [
          other('norm before the sublayer', 0.108),
          other('norm on its output, with QK norm', 0.069),
        ]),
      ],
      direction: 'not-applicable',
      summary:
        'Moving the norm to the output of each sublayer together with QK norm takes the gradients’ spike score from 0.108 to 0.069; neither change does well alone.',
      doesNotShow: [
        'the effect of the kind: in the printed comparison it differs as well',
        'the two changes one by one, in numbers',
      ],
      section: '§3.3.2, Fig. 7',
      confidence: 'read',
    },
    {
      id: 'olmo2-2025/initialization',
      comparison: 'implementation',
      measures: ['stability'],
      setting: { model: 'OLMo 2', parameters: null, hardware: null, precision: null },
      measurements: [
        measured('spike score of the gradient norm, initialization', '%', 'lower', [
          other('old initialization', 0.4),
          other('new initialization', 0.03),
        ]),
        measured('spike score, weight decay on embeddings', '%', 'lower', [
          other('decayed', 0.16),
          other('not decayed', 0.092),
        ]),
      ],
      direction: 'not-applicable',
      summary:
        'Other choices move the spike score more than norms do: the initialization from 0.4 to 0.03, sparing embeddings from weight decay from 0.16 to 0.092.',
      doesNotShow: ['anything about the kind of norm'],
      section: '§3',
      confidence: 'read',
    },
  ],
  notes: [
    'Spike score: how many percent of a series (training loss, gradient L2 norm) lie 7 or more standard deviations off the mean of the 1,000 values before.',
  ],
};

export const olmoIssues: readonly PaperRecord[] = [
  {
    source: {
      key: 'olmo-issue-70',
      title: 'Investigate RMSNorm',
      short: 'OLMo developers',
      year: 2023,
      identifier: 'allenai/OLMo#70',
      kind: 'issue',
    },
    claims: [],
    notes: [
      'Without a compiler, a LayerNorm that computes in low precision is much faster, because autocast otherwise lifts it to float32: the cost was the cast, not the mean.',
    ],
  },
  {
    source: {
      key: 'olmo-issue-281',
      title: 'Our RMSnorm implementation is very different from how it is implemented elsewhere',
      short: 'OLMo developers',
      year: 2023,
      identifier: 'allenai/OLMo#281',
      kind: 'issue',
    },
    claims: [],
    notes: ['The project’s RMSNorm added its epsilon outside the square root, as the RMSNorm authors’ own code does.'],
  },
  {
    source: {
      key: 'olmo-pr-336',
      title: 'Llama config with a default layer norm instead of RMS for performance',
      short: 'OLMo developers',
      year: 2023,
      identifier: 'allenai/OLMo#336',
      kind: 'issue',
    },
    claims: [],
    notes: ['A Llama-like configuration was given LayerNorm instead of RMSNorm, the motive being speed.'],
  },
];
