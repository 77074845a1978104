import type { PaperRecord } from '../../schema.ts';
import { measured, of, other, standardDeviation } from '../values.ts';

export const narang2021: PaperRecord = {
  source: {
    key: 'narang2021',
    title: 'Do Transformer Modifications Transfer Across Implementations and Applications?',
    short: 'Narang et al.',
    year: 2021,
    identifier: 'arXiv:2102.11972',
    kind: 'paper',
  },
  claims: [
    {
      id: 'narang2021/table1-rms',
      comparison: 'layernorm-vs-rmsnorm',
      measures: ['speed', 'quality'],
      setting: {
        model: 'T5-base encoder-decoder, pre-norm',
        parameters: 223e6,
        hardware: 'TPU',
        precision: null,
        details: 'C4, 524,288 steps of 65,536 tokens; early loss is the mean of 5 runs after 65,536 steps',
      },
      measurements: [
        measured('training speed', 'steps/s', 'higher', [
          of('layernorm', 3.5),
          of('rmsnorm', 3.68, { printedChangePercent: 5.1 }),
        ]),
        measured('early loss', 'loss', 'lower', [
          of('layernorm', 2.182, standardDeviation(0.005)),
          of('rmsnorm', 2.167, standardDeviation(0.008)),
        ]),
        measured('final loss', 'loss', 'lower', [of('layernorm', 1.838), of('rmsnorm', 1.821)]),
        measured('SuperGLUE', 'points', 'higher', [of('layernorm', 71.66), of('rmsnorm', 75.45)]),
        measured('XSum', 'points', 'higher', [of('layernorm', 17.78), of('rmsnorm', 17.94)]),
        measured('WebQuestions', 'points', 'higher', [of('layernorm', 23.02), of('rmsnorm', 24.07)]),
        measured('WMT English-German', 'BLEU', 'higher', [of('layernorm', 26.62), of('rmsnorm', 27.14)]),
      ],
      direction: 'rmsnorm-better',
      summary:
        'At 223M parameters RMSNorm trains faster than LayerNorm (3.68 against 3.5 steps/s, 5.1%) and ends lower (loss 1.821 against 1.838); the early losses are 2.167 ± 0.008 and 2.182 ± 0.005.',
      doesNotShow: [
        'decoder-only models, or sizes beyond the one tested',
        'how certain the final loss is: a spread is printed for the early loss only',
        'GPUs or fused kernels: the speed is of one TPU program',
      ],
      section: 'Table 1',
      confidence: 'read',
    },
    {
      id: 'narang2021/table1-residual',
      comparison: 'rmsnorm-vs-other',
      measures: ['speed', 'quality'],
      setting: { model: 'T5-base encoder-decoder', parameters: 223e6, hardware: 'TPU', precision: null },
      measurements: [
        measured('training speed', 'steps/s', 'higher', [
          of('layernorm', 3.5),
          of('none', 3.51, { variant: 'ReZero' }),
          of('layernorm', 3.26, { variant: 'ReZero + LayerNorm' }),
          of('rmsnorm', 3.34, { variant: 'ReZero + RMSNorm' }),
          other('Fixup', 2.95),
        ]),
        measured('early loss', 'loss', 'lower', [
          of('layernorm', 2.182, standardDeviation(0.005)),
          of('none', 2.262, { variant: 'ReZero', ...standardDeviation(0.003) }),
          of('layernorm', 2.223, { variant: 'ReZero + LayerNorm', ...standardDeviation(0.006) }),
          of('rmsnorm', 2.221, { variant: 'ReZero + RMSNorm', ...standardDeviation(0.009) }),
          other('Fixup', 2.382, standardDeviation(0.012)),
        ]),
        measured('final loss', 'loss', 'lower', [
          of('layernorm', 1.838),
          of('none', 1.939, { variant: 'ReZero' }),
          of('layernorm', 1.858, { variant: 'ReZero + LayerNorm' }),
          of('rmsnorm', 1.875, { variant: 'ReZero + RMSNorm' }),
          other('Fixup', 2.067),
        ]),
        measured('SuperGLUE', 'points', 'higher', [
          of('layernorm', 71.66),
          of('none', 61.69, { variant: 'ReZero' }),
          of('layernorm', 70.42, { variant: 'ReZero + LayerNorm' }),
          of('rmsnorm', 70.33, { variant: 'ReZero + RMSNorm' }),
          other('Fixup', 58.56),
        ]),
      ],
      direction: 'mixed',
      summary:
        'Doing without norms costs quality: ReZero alone ends at 1.939 and Fixup at 2.067 against 1.838 for LayerNorm. With ReZero the order of the two norms turns round: 1.858 with LayerNorm, 1.875 with RMSNorm.',
      doesNotShow: ['which of the two orders is noise: there is no spread on final losses'],
      section: 'Table 1',
      confidence: 'read',
    },
  ],
  notes: [
    'The paper gives two values for the SuperGLUE score of its baseline, 71.66 in the table and 70.97 in the text; the records hold the table’s.',
    'The text concludes that RMSNorm is an improvement in both quality and speed.',
  ],
};
