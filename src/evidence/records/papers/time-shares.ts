import type { PaperRecord } from '../../schema.ts';
import { measured, of, other } from '../values.ts';

/** How much of a model's time its norms take. */
export const ivanov2020: PaperRecord = {
  source: {
    key: 'ivanov2020',
    title: 'Data Movement Is All You Need: A Case Study on Optimizing Transformers',
    short: 'Ivanov et al.',
    year: 2020,
    identifier: 'arXiv:2007.00072',
    kind: 'paper',
  },
  claims: [
    {
      id: 'ivanov2020/operator-classes',
      comparison: 'norm-vs-none',
      measures: ['time-share'],
      setting: { model: 'BERT encoder layer, training', parameters: null, hardware: 'V100', precision: null },
      measurements: [
        measured('share of floating-point operations', '%', 'neither', [
          other('tensor contraction', 99.8),
          other('statistical normalization', 0.17),
          other('element-wise', 0.03),
        ]),
        measured('share of time', '%', 'neither', [
          other('tensor contraction', 61),
          other('statistical normalization', 25.5),
          other('element-wise', 13.5),
        ]),
      ],
      direction: 'not-applicable',
      summary:
        'Operators that reduce over a dimension are 0.17% of the arithmetic and 25.5% of the time: what counts is memory traffic.',
      doesNotShow: [
        'the share of LayerNorm: the class holds softmax too',
        'today’s fused kernels or larger models; a lecturer who shows the table calls it an extreme case',
      ],
      section: 'table of operator classes',
      confidence: 'secondary',
    },
  ],
  notes: ['Taken from four copies of lecture slides that agree.'],
};

const llama7b = { model: 'Llama 7B', parameters: 7e9, hardware: 'H100', precision: 'bf16' } as const;

export const dyt2025: PaperRecord = {
  source: {
    key: 'dyt2025',
    title: 'Transformers without Normalization',
    short: 'Zhu et al.',
    year: 2025,
    identifier: 'arXiv:2503.10622',
    kind: 'paper',
  },
  claims: [
    {
      id: 'dyt2025/eager',
      comparison: 'norm-vs-none',
      measures: ['time-share', 'speed'],
      setting: { ...llama7b, details: 'Hugging Face code, eager; 100 passes of one sequence of 4096 tokens' },
      measurements: [
        measured('time of norm layers, inference', 's', 'lower', [of('rmsnorm', 2.1), of('dyt', 1)]),
        measured('time of the model, inference', 's', 'lower', [
          of('rmsnorm', 14.1),
          of('dyt', 13, { printedChangePercent: -7.8 }),
        ]),
        measured('time of norm layers, training', 's', 'lower', [of('rmsnorm', 8.3), of('dyt', 4.8)]),
        measured('time of the model, training', 's', 'lower', [
          of('rmsnorm', 42.6),
          of('dyt', 39.1, { printedChangePercent: -8.2 }),
        ]),
      ],
      direction: 'not-applicable',
      summary:
        'Run eagerly, RMSNorm takes 2.1 of 14.1 s in inference and 8.3 of 42.6 s in training: 15% and 19% of a 7B model.',
      doesNotShow: ['LayerNorm: it isn’t in the table', 'compiled or fused code (see the next claim)'],
      section: 'table of latencies',
      confidence: 'read',
    },
    {
      id: 'dyt2025/compiled',
      comparison: 'norm-vs-none',
      measures: ['time-share', 'speed'],
      setting: { ...llama7b, details: 'norm layers through torch.compile' },
      measurements: [
        measured('time of norm layers, inference', 's', 'lower', [of('rmsnorm', 0.3), of('dyt', 0.3)]),
        measured('time of the model, inference', 's', 'lower', [of('rmsnorm', 12.3), of('dyt', 12.3)]),
        measured('time of norm layers, training', 's', 'lower', [of('rmsnorm', 3.9), of('dyt', 3.9)]),
        measured('time of the model, training', 's', 'lower', [of('rmsnorm', 38.9), of('dyt', 38.9)]),
      ],
      direction: 'no-difference',
      summary:
        'Compiled, the same norm takes 0.3 of 12.3 s and 3.9 of 38.9 s (2.4% and 10%), as DyT does: at this size most of its cost was that of kernels that weren’t fused.',
      doesNotShow: ['LayerNorm'],
      section: 'table of latencies, compiled',
      confidence: 'read',
    },
    {
      id: 'dyt2025/llama',
      comparison: 'rmsnorm-vs-other',
      measures: ['quality'],
      setting: {
        model: 'Llama 7B to 70B',
        parameters: 70e9,
        hardware: null,
        precision: null,
        details: '200B tokens of The Pile',
      },
      measurements: [
        measured('loss, 7B', 'loss', 'lower', [of('rmsnorm', 1.59), of('dyt', 1.6)]),
        measured('loss, 13B', 'loss', 'lower', [of('rmsnorm', 1.53), of('dyt', 1.54)]),
        measured('loss, 34B', 'loss', 'lower', [of('rmsnorm', 1.5), of('dyt', 1.5)]),
        measured('loss, 70B', 'loss', 'lower', [of('rmsnorm', 1.45), of('dyt', 1.45)]),
        measured('mean task score, 7B', '1', 'higher', [of('rmsnorm', 0.513), of('dyt', 0.513)]),
        measured('mean task score, 13B', '1', 'higher', [of('rmsnorm', 0.529), of('dyt', 0.529)]),
        measured('mean task score, 34B', '1', 'higher', [of('rmsnorm', 0.536), of('dyt', 0.536)]),
        measured('mean task score, 70B', '1', 'higher', [of('rmsnorm', 0.549), of('dyt', 0.549)]),
      ],
      direction: 'no-difference',
      summary:
        'A tanh with a learned slope matches RMSNorm up to 70B: the losses are 1.59 and 1.6 at 7B and 1.45 for both at 70B.',
      doesNotShow: ['LayerNorm', 'a spread over seeds'],
      section: 'table of Llama results',
      confidence: 'read',
    },
  ],
  notes: [],
};
