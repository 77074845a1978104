import type { PaperRecord } from '../../schema.ts';
import { measured, other } from '../values.ts';

export const guo2026: PaperRecord = {
  source: {
    key: 'guo2026',
    title: 'Enjoy Your LayerNorm with the Computational Efficiency of RMSNorm',
    short: 'Guo et al.',
    year: 2026,
    identifier: 'arXiv:2605.14521',
    kind: 'paper',
  },
  claims: [
    {
      id: 'guo2026/abstract',
      comparison: 'equivalent-conversion',
      measures: ['speed', 'time-share'],
      setting: { model: 'any network with a foldable LayerNorm', parameters: null, hardware: null, precision: null },
      measurements: [
        measured('reduction of inference time, end to end', '%', 'higher', [other('least', 2), other('most', 12)]),
        measured('reduction of the norm’s own time', '%', 'higher', [other('least', 50), other('most', 80)]),
        measured('share of time in LayerNorm', '%', 'lower', [other('least', 7), other('most', 12)]),
      ],
      direction: 'rmsnorm-better',
      summary:
        'Generalizes the exact conversion to any graph in which a LayerNorm’s mean can be folded away, and reports 2 to 12% shorter inference where norms take 7 to 12%.',
      doesNotShow: [
        'PyTorch’s or a vendor’s fused kernels: reviewers note a custom kernel as the only one timed',
        'large language models or throughput, also according to the reviews; no code was published with it',
      ],
      section: 'abstract and public reviews',
      confidence: 'read',
    },
  ],
  notes: ['An earlier version was turned down by a conference with scores 4, 4, 6, 4.'],
};

export const gupta2024: PaperRecord = {
  source: {
    key: 'gupta2024',
    title: 'Geometric Interpretation of Layer Normalization and a Comparative Analysis with RMSNorm',
    short: 'Gupta et al.',
    year: 2024,
    identifier: 'arXiv:2409.12951',
    kind: 'paper',
  },
  claims: [
    {
      id: 'gupta2024/orthogonality',
      comparison: 'mechanism',
      measures: ['mechanism'],
      setting: {
        model: 'several LayerNorm and RMSNorm language models',
        parameters: null,
        hardware: null,
        precision: null,
      },
      measurements: [],
      direction: 'no-difference',
      summary:
        'Hidden states of models of either kind are on average at right angles to the all-ones vector, so the subtraction of the mean has little left to remove.',
      doesNotShow: [
        'that training without it reaches the same loss: it is an observation on trained models',
        'values per layer: they could not be retrieved',
      ],
      section: 'abstracts of the 2024 and 2026 versions',
      confidence: 'read',
    },
  ],
  notes: ['The version of 2026 (Findings of EACL) extends the observation from inference to training.'],
};
