import type { PaperRecord } from '../../schema.ts';
import { measured, of, other } from '../values.ts';

const decode = {
  model: 'Llama-3.2-1B',
  parameters: null,
  hardware: 'A100',
  precision: 'bf16',
  details: 'Hugging Face code, eager; decoding 256 tokens',
} as const;

export const flashnorm2024: PaperRecord = {
  source: {
    key: 'flashnorm2024',
    title: 'FlashNorm: fast normalization for LLMs',
    short: 'Graef et al.',
    year: 2024,
    identifier: 'arXiv:2407.09577',
    kind: 'paper',
  },
  claims: [
    {
      id: 'flashnorm2024/decode-share',
      comparison: 'norm-vs-none',
      measures: ['time-share'],
      setting: decode,
      measurements: [
        measured('time of norms', 'ms', 'lower', [of('rmsnorm', 1640)]),
        measured('time of the decoding', 'ms', 'lower', [of('rmsnorm', 6650)]),
        measured('share of decoding time', '%', 'lower', [
          of('rmsnorm', 24.62, { variant: 'rmsnorm, bf16' }),
          of('rmsnorm', 8.19, { variant: 'rmsnorm, 8-bit bitsandbytes' }),
          of('rmsnorm', 9.31, { variant: 'rmsnorm, NF4' }),
        ]),
      ],
      direction: 'not-applicable',
      summary:
        'Norms are 24.62% of eager decoding in bf16 (1640 of 6650 ms), but 8.19% with 8-bit weights, where the other layers are slower.',
      doesNotShow: ['LayerNorm', 'a serving engine with fused norms'],
      section: 'tex/flashNorm.tex',
      confidence: 'read',
    },
    {
      id: 'flashnorm2024/fused-swap',
      comparison: 'implementation',
      measures: ['speed'],
      setting: decode,
      measurements: [
        measured('decoding speed', 'tokens/s', 'higher', [
          of('rmsnorm', 45, { variant: 'eager module' }),
          of('rmsnorm-nonparametric', 50.75, {
            variant: 'fused, weight folded away',
            printedChangePercent: 12.77,
          }),
        ]),
      ],
      direction: 'not-applicable',
      summary:
        'Replacing the eager module by one fused operator without a weight takes decoding from 45 to 50.75 tokens/s (12.77%).',
      doesNotShow: ['how much of it is the folding: the fused kernel comes with it'],
      section: 'tex/flashNorm.tex',
      confidence: 'read',
    },
    {
      id: 'flashnorm2024/openelm-bound',
      comparison: 'norm-vs-none',
      measures: ['time-share', 'speed'],
      setting: { model: 'OpenELM-270M', parameters: 270e6, hardware: 'Apple M1', precision: '4-bit, MLX' },
      measurements: [
        measured('decoding speed', 'tokens/s', 'higher', [of('rmsnorm', 204), of('none', 225)]),
        measured('upper bound of the gain', '%', 'higher', [other('stated by the authors', 10)]),
      ],
      direction: 'not-applicable',
      summary:
        'With its norms taken out altogether the model goes from 204 to 225 tokens/s, which bounds any gain at about 10%.',
      doesNotShow: ['other devices or sizes'],
      section: 'tex/flashNorm.tex',
      confidence: 'read',
    },
    {
      id: 'flashnorm2024/folding-quality',
      comparison: 'equivalent-conversion',
      measures: ['quality'],
      setting: { model: 'SmolLM2-135M, Llama-3.2-1B, Llama-3.1-8B', parameters: 8e9, hardware: null, precision: null },
      measurements: [
        measured('WikiText perplexity, SmolLM2-135M', 'perplexity', 'lower', [
          of('rmsnorm', 23.1262),
          of('rmsnorm-nonparametric', 23.1279, { variant: 'weight folded' }),
        ]),
        measured('WikiText perplexity, Llama-3.2-1B', 'perplexity', 'lower', [
          of('rmsnorm', 12.8837),
          of('rmsnorm-nonparametric', 12.8842, { variant: 'weight folded' }),
        ]),
        measured('WikiText perplexity, Llama-3.1-8B', 'perplexity', 'lower', [
          of('rmsnorm', 8.0668),
          of('rmsnorm-nonparametric', 8.0672, { variant: 'weight folded' }),
        ]),
        measured('MMLU', '1', 'higher', [
          of('rmsnorm', 0.6556),
          of('rmsnorm-nonparametric', 0.6562, { variant: 'weight folded' }),
        ]),
        measured('HellaSwag', '1', 'higher', [
          of('rmsnorm', 0.6071),
          of('rmsnorm-nonparametric', 0.6072, { variant: 'weight folded' }),
        ]),
      ],
      direction: 'no-difference',
      summary:
        'Folding the norm’s weight into the next linear layer leaves perplexity where it was: 8.0668 and 8.0672 for the largest of three models.',
      doesNotShow: [
        'identical text: the authors warn that a 16-bit fold can change the top token in greedy decoding',
        'LayerNorm, or folding of the mean in numbers',
      ],
      section: 'tex/flashNorm.tex',
      confidence: 'read',
    },
  ],
  notes: [
    'Read in the repository OpenMachine-ai/transformer-tricks at 29a7efe, which is newer than the first version of the paper and also folds the subtraction of the mean into the layer before.',
    'On a T4 the fused operator alone gains 12 to 14% at width 4096.',
    'It says that conversions need all writers of the residual stream to be treated; the promised appendix on it isn’t in the source read.',
  ],
};
