import type { Claim, PaperRecord } from '../../schema.ts';
import { measured, of, other } from '../values.ts';

/** One size of a chart of normalized times, Pre-LN = 1. */
export interface Paper1Shares {
  readonly size: string;
  readonly withoutNorm: number;
  readonly preLn: number;
  readonly preRms: number;
  readonly preCrms: number;
}

/** Uncertainty of every value of `paper1GptShares`: they are read off a bar chart. */
export const paper1ReadOff = 0.01;

/**
 * Normalized inference time of GPT-3 sizes on one A100, batch 1, 512 tokens, automatic mixed precision; Pre-LN = 1.
 * Read off the chart, ± `paper1ReadOff`. [arXiv:2305.14858 Fig. 5]
 */
export const paper1GptShares: readonly Paper1Shares[] = [
  { size: 'Small', withoutNorm: 0.86, preLn: 1, preRms: 0.9, preCrms: 0.89 },
  { size: 'Medium', withoutNorm: 0.95, preLn: 1, preRms: 0.97, preCrms: 0.96 },
  { size: 'Large', withoutNorm: 0.94, preLn: 1, preRms: 0.95, preCrms: 0.95 },
  { size: 'XL', withoutNorm: 1, preLn: 1, preRms: 1, preCrms: 1 },
  { size: '2.7B', withoutNorm: 1, preLn: 1, preRms: 1, preCrms: 1 },
  { size: '6.7B', withoutNorm: 1, preLn: 1, preRms: 1, preCrms: 1 },
];

/** Normalized ViT inference time in four settings, mean of 6 models × 6 batch sizes; Pre-LN = 1. [arXiv:2305.14858 Table 3] */
export const paper1VitShares: readonly (Omit<Paper1Shares, 'size'> & {
  readonly id: string;
  readonly setting: string;
  readonly hardware: string;
  readonly precision: string | null;
})[] = [
  {
    id: 'pytorch-amp',
    setting: 'PyTorch 2.0',
    hardware: '1×A100',
    precision: 'amp',
    withoutNorm: 0.8567,
    preLn: 1,
    preRms: 0.9699,
    preCrms: 0.9783,
  },
  {
    id: 'float32',
    setting: 'PyTorch 2.0',
    hardware: '1×A100',
    precision: 'float32',
    withoutNorm: 0.9353,
    preLn: 1,
    preRms: 0.985,
    preCrms: 0.9951,
  },
  {
    id: 'cpu',
    setting: 'PyTorch 2.0',
    hardware: 'EPYC 7742, 16 threads',
    precision: null,
    withoutNorm: 0.8697,
    preLn: 1,
    preRms: 0.9012,
    preCrms: 0.8857,
  },
  {
    id: 'jax',
    setting: 'JAX',
    hardware: '1×A100',
    precision: null,
    withoutNorm: 0.961,
    preLn: 1,
    preRms: 0.9873,
    preCrms: 1.0005,
  },
];

/** Normalized ViT training time on 4×A100, read off the chart ± `paper1ReadOff`; Pre-LN = 1. [arXiv:2305.14858 Fig. 4b] */
export const paper1VitTraining: readonly Omit<Paper1Shares, 'withoutNorm'>[] = [
  { size: 'Ti/16', preLn: 1, preRms: 0.977, preCrms: 0.983 },
  { size: 'S/16', preLn: 1, preRms: 0.977, preCrms: 0.996 },
  { size: 'B/16', preLn: 1, preRms: 0.983, preCrms: 0.984 },
  { size: 'L/16', preLn: 1, preRms: 0.991, preCrms: 0.994 },
  { size: 'H/14', preLn: 1, preRms: 0.986, preCrms: 0.986 },
  { size: 'G/14', preLn: 1, preRms: 0.989, preCrms: 0.989 },
];

const readOff = { spread: { amount: paper1ReadOff, kind: 'read-off' } } as const;

const table3: readonly Claim[] = paper1VitShares.map((row) => ({
  id: `jiang2023/table3-${row.id}`,
  comparison: 'equivalent-conversion',
  measures: ['speed', 'time-share'],
  setting: {
    model: 'ViT, 6 sizes',
    parameters: null,
    hardware: row.hardware,
    precision: row.precision,
    details: `${row.setting}; mean over 36 combinations of size and batch (1 to 1024); medians of at least 100 iterations; random weights and data`,
  },
  measurements: [
    measured('normalized inference time', '1', 'lower', [
      of('layernorm-nonparametric', row.preLn, { variant: 'Pre-LN' }),
      of('none', row.withoutNorm, { variant: 'no norm' }),
      of('rmsnorm-nonparametric', row.preRms, { variant: 'Pre-RMSNorm' }),
      of('crmsnorm', row.preCrms, { variant: 'Pre-CRMSNorm' }),
    ]),
  ],
  direction: row.preCrms > 1 ? 'mixed' : 'rmsnorm-better',
  summary: `With ${row.setting} on ${row.hardware}, the RMSNorm form of a vision transformer takes ${row.preRms} and the compressed form ${row.preCrms} of the LayerNorm form's time; without any norm it would take ${row.withoutNorm}.`,
  doesNotShow: [
    'anything about quality: the three forms are the same function',
    'language models, or decoding with a KV cache',
    'one size: the values are means over sizes and batches',
  ],
  section: 'Table 3',
  confidence: 'read',
}));

export const jiang2023: PaperRecord = {
  source: {
    key: 'jiang2023',
    title: 'Pre-RMSNorm and Pre-CRMSNorm Transformers: Equivalent and Efficient Pre-LN Transformers',
    short: 'Jiang et al.',
    year: 2023,
    identifier: 'arXiv:2305.14858',
    kind: 'paper',
  },
  claims: [
    ...table3,
    {
      id: 'jiang2023/fig4a',
      comparison: 'equivalent-conversion',
      measures: ['speed', 'time-share'],
      setting: {
        model: 'ViT-Ti/16',
        parameters: null,
        hardware: '4×A100',
        precision: 'amp',
        details: 'training with the DeiT recipe',
      },
      measurements: [
        measured('share of training time, LayerNorm form', '%', 'lower', [of('layernorm-nonparametric', 12.6)]),
        measured('share of training time, RMSNorm form', '%', 'lower', [
          of('rmsnorm-nonparametric', 9.27),
          other('recentring of the input', 0.09),
          other('zero-mean linear layers', 0.89),
        ]),
        measured('change of training time', '%', 'lower', [
          of('layernorm-nonparametric', 0),
          of('rmsnorm-nonparametric', -2.36),
          of('crmsnorm', -1.74),
        ]),
      ],
      direction: 'rmsnorm-better',
      summary:
        'Norms go from 12.6% to 9.27% of the time of a training step; keeping the weights centred gives 0.89% and 0.09% of it back. The step as a whole gets 2.36% shorter (1.74% with the compressed form).',
      doesNotShow: ['larger models, where the gain in the same figure is smaller', 'language models'],
      section: 'Fig. 4a and text',
      confidence: 'read',
    },
    {
      id: 'jiang2023/fig4b',
      comparison: 'equivalent-conversion',
      measures: ['speed'],
      setting: {
        model: 'ViT, Ti/16 to G/14',
        parameters: null,
        hardware: '4×A100',
        precision: 'amp',
        details: 'training with the DeiT recipe',
      },
      measurements: paper1VitTraining.map((row) =>
        measured(`normalized training time, ${row.size}`, '1', 'lower', [
          of('layernorm-nonparametric', row.preLn),
          of('rmsnorm-nonparametric', row.preRms, readOff),
          of('crmsnorm', row.preCrms, readOff),
        ]),
      ),
      direction: 'rmsnorm-better',
      summary:
        'Training in the RMSNorm form takes between 0.977 and 0.991 of the LayerNorm form’s time over six sizes.',
      doesNotShow: ['differences of less than 0.01, since the bars were read off a chart'],
      section: 'Fig. 4b',
      confidence: 'read',
    },
    {
      id: 'jiang2023/fig5',
      comparison: 'equivalent-conversion',
      measures: ['speed', 'time-share'],
      setting: {
        model: 'GPT-3, Small to 6.7B',
        parameters: 6.7e9,
        hardware: '1×A100',
        precision: 'amp',
        details: 'PyTorch 2.0, inference, batch 1, 512 tokens',
      },
      measurements: paper1GptShares.map((row) =>
        measured(`normalized inference time, ${row.size}`, '1', 'lower', [
          of('layernorm-nonparametric', row.preLn),
          of('none', row.withoutNorm, readOff),
          of('rmsnorm-nonparametric', row.preRms, readOff),
          of('crmsnorm', row.preCrms, readOff),
        ]),
      ),
      direction: 'mixed',
      summary:
        'Removing every norm would bring GPT-3 Small to 0.86 of its time and the RMSNorm form brings it to 0.9. From XL up there is nothing left to gain: every form takes 1 within the reading error of 0.01.',
      doesNotShow: [
        'other batch sizes or lengths, decoding token by token, or other GPUs: it is one setting',
        'the cost of LayerNorm as such: with fast matrix products the share grows again (see the int8 claim)',
      ],
      section: 'Fig. 5',
      confidence: 'read',
    },
    {
      id: 'jiang2023/int8',
      comparison: 'equivalent-conversion',
      measures: ['speed', 'time-share'],
      setting: {
        model: 'GPT-3 XL and 2.7B',
        parameters: 2.7e9,
        hardware: '1×A100',
        precision: 'int8 matrix products (LLM.int8)',
      },
      measurements: [
        measured('share of inference time', '%', 'lower', [of('layernorm-nonparametric', 10)]),
        measured('change of inference time', '%', 'lower', [
          of('layernorm-nonparametric', 0),
          of('rmsnorm-nonparametric', -4),
        ]),
      ],
      direction: 'rmsnorm-better',
      summary: 'Once the matrix products run in int8, norms are 10% of the time again and the RMSNorm form saves 4%.',
      doesNotShow: ['other quantization schemes or kernels'],
      section: 'Sec. 4, text',
      confidence: 'read',
    },
    {
      id: 'jiang2023/gpt-training',
      comparison: 'equivalent-conversion',
      measures: ['speed'],
      setting: { model: 'GPT-3 Small and Medium', parameters: null, hardware: '4×A100', precision: 'amp' },
      measurements: [
        measured('change of training time, Small', '%', 'lower', [
          of('layernorm-nonparametric', 0),
          of('rmsnorm-nonparametric', -1.5),
        ]),
        measured('change of training time, Medium', '%', 'lower', [
          of('layernorm-nonparametric', 0),
          of('rmsnorm-nonparametric', -1.8),
        ]),
      ],
      direction: 'rmsnorm-better',
      summary: 'Training in the RMSNorm form is 1.5% shorter for the Small size and 1.8% for the Medium one.',
      doesNotShow: ['larger language models in training', 'a spread over runs'],
      section: 'Sec. 4, text',
      confidence: 'read',
    },
    {
      id: 'jiang2023/figs6-7',
      comparison: 'equivalent-conversion',
      measures: ['quality'],
      setting: {
        model: 'ViT-S/16 and GPT-2 Small',
        parameters: null,
        hardware: null,
        precision: null,
        details: 'ImageNet-1k for 800 epochs; WikiText-103 for 20,000 steps',
      },
      measurements: [],
      direction: 'no-difference',
      summary:
        'Trained from scratch, the loss curves of the three equivalent forms lie on each other; no table is given.',
      doesNotShow: [
        'that an independent RMSNorm model trains as well: the forms were built to compute the same thing',
        'how far the curves differ in numbers',
      ],
      section: 'Figs. 6 and 7',
      confidence: 'read',
    },
  ],
  notes: [
    'The share of LayerNorm is put at 12 to 18% of ViT inference and 10 to 15% of ViT training; RMSNorm shortens the time of the norms themselves by 20 to 60%.',
    'Every norm is timed without weight and bias (the released code switches them off), with apex kernels for LayerNorm and RMSNorm and the authors’ own for CRMSNorm.',
    'Where a branch ends in dropout, training in the RMSNorm form needs an explicit recentring; the compressed form doesn’t.',
    'Not covered there: tied embeddings, norms on the embeddings or on branch outputs, QK norms, mixtures of experts.',
    'Swapping PyTorch’s LayerNorm for the one of apex changed a pre-trained ViT-H/14 more than the conversion did (App. D.3).',
    'In the released code the training timings of its apex variant leave out the cost of keeping the linear layers centred.',
  ],
};
