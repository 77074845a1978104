import type { Claim, PaperRecord } from '../../schema.ts';
import { measured, of, other, plusMinus } from '../values.ts';

type Timed = readonly [value: number, plusMinus: number, printedChangePercent?: number];

function time(unit: string, baseline: Timed, layerNorm: Timed, rmsNorm: Timed, prmsNorm: Timed) {
  const extra = ([, spread, change]: Timed) => ({
    ...(spread > 0 ? plusMinus(spread) : {}),
    ...(change === undefined ? {} : { printedChangePercent: change }),
  });
  return measured('training time', unit, 'lower', [
    of('layernorm', layerNorm[0], extra(layerNorm)),
    of('rmsnorm', rmsNorm[0], extra(rmsNorm)),
    of('prmsnorm', prmsNorm[0], extra(prmsNorm)),
    of('none', baseline[0], { variant: 'baseline', ...extra(baseline) }),
  ]);
}

/** Scores in the order LayerNorm, RMSNorm, pRMSNorm, and the baseline where it was recorded. */
function scores(quantity: string, better: 'lower' | 'higher', unit: string, values: readonly number[]) {
  const norms = ['layernorm', 'rmsnorm', 'prmsnorm', 'none'] as const;
  return measured(
    quantity,
    unit,
    better,
    norms.flatMap((norm, i) => {
      const value = values[i];
      return value === undefined ? [] : [of(norm, value, norm === 'none' ? { variant: 'baseline' } : {})];
    }),
  );
}

const shared = {
  comparison: 'layernorm-vs-rmsnorm',
  measures: ['speed', 'quality'],
  confidence: 'read',
} as const satisfies Partial<Claim>;

const notAnLlm = 'decoder-only language models, or any model of today’s size';
const titanX = 'TITAN X Pascal';
const ofOneFramework = 'kernels of equal quality: the gain moves with the framework, as the authors say themselves';

export const zhang2019: PaperRecord = {
  source: {
    key: 'zhang2019',
    title: 'Root Mean Square Layer Normalization',
    short: 'Zhang & Sennrich',
    year: 2019,
    identifier: 'arXiv:1910.07467',
    kind: 'paper',
  },
  claims: [
    {
      ...shared,
      id: 'zhang2019/table2',
      setting: {
        model: 'RNNSearch (GRU translation)',
        parameters: null,
        hardware: titanX,
        precision: null,
        details: 'TensorFlow, Nematus; mean of 3 runs',
      },
      measurements: [
        time('s/1k steps', [399, 3.4], [665, 32.5], [501, 11.8, -24.7], [493, 10.7, -25.9]),
        scores('newstest2014', 'higher', 'BLEU', [22.6, 22.4, 22.6, 21.7]),
        scores('newstest2017', 'higher', 'BLEU', [23.6, 23.7, 23.1, 23.4]),
        measured('newstest2014, plain L2 norm', 'BLEU', 'higher', [of('scalenorm', 20.7, { variant: 'L2-Norm' })]),
        measured('newstest2017, plain L2 norm', 'BLEU', 'higher', [of('scalenorm', 22, { variant: 'L2-Norm' })]),
        measured('training time, plain L2 norm', 's/1k steps', 'lower', [
          of('scalenorm', 482, { variant: 'L2-Norm', ...plusMinus(19.7) }),
        ]),
      ],
      direction: 'rmsnorm-better',
      summary:
        'In TensorFlow RMSNorm cuts 1,000 training steps from 665 s to 501 s (24.7%) at 22.4 instead of 22.6 BLEU on newstest2014 and 23.7 instead of 23.6 on newstest2017. Dividing by the L2 norm without the factor √n reaches only 20.7.',
      doesNotShow: [notAnLlm, ofOneFramework],
      section: 'Table 2',
    },
    {
      ...shared,
      id: 'zhang2019/table3-theano',
      setting: {
        model: 'RNNSearch',
        parameters: null,
        hardware: titanX,
        precision: null,
        details: 'Theano; mean of 3 runs',
      },
      measurements: [
        time('s/1k steps', [596, 20.8], [988, 1.1], [652, 24.1, -34], [658, 17.9, -33.4]),
        scores('newstest2014', 'higher', 'BLEU', [22.3, 22.5, 22.7]),
        scores('newstest2017', 'higher', 'BLEU', [23.8, 23.2, 24]),
      ],
      direction: 'rmsnorm-better',
      summary: 'The same model in Theano: 988 s against 652 s, a gain of 34%.',
      doesNotShow: [notAnLlm, ofOneFramework],
      section: 'Table 3',
    },
    {
      ...shared,
      id: 'zhang2019/table3-pytorch',
      setting: {
        model: 'RNNSearch',
        parameters: null,
        hardware: titanX,
        precision: null,
        details: 'PyTorch; mean of 3 runs',
      },
      measurements: [
        time('s/1k steps', [427, 6.5], [857, 17.2], [763, 16.2, -11], [754, 36.1, -12]),
        scores('newstest2014', 'higher', 'BLEU', [23.2, 22.9, 23.2]),
        scores('newstest2017', 'higher', 'BLEU', [24.3, 24.5, 24.6]),
      ],
      direction: 'rmsnorm-better',
      summary: 'The same model in PyTorch: 857 s against 763 s, a gain of 11%, a third of the one in Theano.',
      doesNotShow: [notAnLlm, ofOneFramework],
      section: 'Table 3',
    },
    {
      ...shared,
      id: 'zhang2019/table4',
      setting: {
        model: 'Transformer base (translation)',
        parameters: null,
        hardware: 'V100',
        precision: null,
        details: '300,000 steps; mean of 3 runs; without any norm the training fails (BLEU 0)',
      },
      measurements: [
        time('s/1k steps', [210, 0.23], [248, 1.31], [231, 0.04, -6.9], [225, 1.63, -9.3]),
        scores('newstest2014', 'higher', 'BLEU', [26.6, 26.8, 26.5, 0]),
        scores('newstest2017', 'higher', 'BLEU', [27.7, 27.7, 27.8, 0]),
      ],
      direction: 'rmsnorm-better',
      summary:
        'In a Transformer RMSNorm takes 231 s per 1,000 steps where LayerNorm takes 248 s (6.9%), with 26.8 instead of 26.6 BLEU on newstest2014 and 27.7 for both on newstest2017.',
      doesNotShow: [notAnLlm, 'a gain against fused LayerNorm kernels', 'a spread of BLEU over runs'],
      section: 'Table 4',
    },
    {
      ...shared,
      id: 'zhang2019/table6',
      measures: ['speed'],
      setting: { model: 'attentive reader, CNN/Daily Mail', parameters: null, hardware: titanX, precision: null },
      measurements: [
        time('s/0.1k steps', [315, 6.3], [392, 5.7], [333, 5.2, -15.1], [330, 5.5, -15.8]),
        measured('training time, batch-norm variants', 's/0.1k steps', 'lower', [
          other('batch norm everywhere', 348),
          other('batch norm in the LSTM', 345),
        ]),
      ],
      direction: 'rmsnorm-better',
      summary: 'A gain of 15.1% (392 s to 333 s) on reading comprehension, validation error being comparable.',
      doesNotShow: [notAnLlm, 'quality in numbers: the errors are plotted'],
      section: 'Table 6',
    },
    {
      ...shared,
      id: 'zhang2019/tables7-8',
      setting: { model: 'order embeddings, COCO retrieval', parameters: null, hardware: titanX, precision: null },
      measurements: [
        time('s/0.1k steps', [2.11, 0.047], [12.02, 0.191], [7.12, 0.207, -40.8], [4.34, 0.168, -63.9]),
        scores('caption retrieval, recall at 1', 'higher', '%', [47.9, 48.7, 46.8]),
        scores('image retrieval, recall at 1', 'higher', '%', [38.4, 39, 39]),
      ],
      direction: 'rmsnorm-better',
      summary:
        'The largest gain of the paper, 40.8% (pRMSNorm 63.9%), in a recurrent model where LayerNorm takes most of each step: 12.02 s against 2.11 s without any norm.',
      doesNotShow: [notAnLlm],
      section: 'Tables 7 and 8',
    },
    {
      ...shared,
      id: 'zhang2019/table10',
      setting: { model: 'ConvPool-CNN-C, CIFAR-10', parameters: null, hardware: 'RTX 2080 Ti', precision: null },
      measurements: [
        time('s/epoch', [21, 0], [39, 0.4], [31, 0.5, -20.5], [30, 0.4, -23.1]),
        scores('test error', 'lower', '%', [10.49, 8.83, 10.37, 8.96]),
        measured('test error, other norms', '%', 'lower', [other('batch norm', 8.25), other('weight norm', 8.28)]),
      ],
      direction: 'rmsnorm-better',
      summary:
        'A test error of 8.83% with RMSNorm against 10.49% with LayerNorm, and epochs 20.5% shorter; batch norm is better than both at 8.25%.',
      doesNotShow: [notAnLlm],
      section: 'Table 10',
    },
    {
      id: 'zhang2019/table5',
      comparison: 'mechanism',
      measures: ['mechanism'],
      setting: { model: 'RNNSearch, decoder GRU states', parameters: null, hardware: null, precision: null },
      measurements: [
        measured('mean of the hidden state', '1', 'neither', [
          of('layernorm', -0.51),
          of('rmsnorm', -0.73),
          of('none', -1.6, { variant: 'baseline' }),
        ]),
        measured('standard deviation of the hidden state', '1', 'neither', [
          of('layernorm', 1.51),
          of('rmsnorm', 1.5),
          of('none', 3.04, { variant: 'baseline' }),
        ]),
      ],
      direction: 'no-difference',
      summary: 'RMSNorm holds the spread of hidden states (1.5) as LayerNorm does (1.51); without a norm it is 3.04.',
      doesNotShow: ['that the mean never matters', notAnLlm],
      section: 'Table 5',
      confidence: 'read',
    },
  ],
  notes: [
    'Read as a complete translation and an independent transcription of its tables that agree, not in the original layout.',
    'The hypothesis: invariance to re-scaling is what helps, invariance to re-centring can go.',
    'The authors’ PyTorch code adds its epsilon of 1e-8 outside the square root, unlike the models that cite the paper.',
    'pRMSNorm takes the root mean square of the first 6.25% of entries; it is biased, slicing eats part of the gain, and very small shares make gradients explode.',
    'With weights initialized around 0.2 instead of 0, LayerNorm becomes unstable before RMSNorm does (Fig. 4).',
  ],
};
