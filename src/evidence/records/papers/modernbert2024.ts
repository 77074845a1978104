import type { PaperRecord } from '../../schema.ts';

export const modernbert2024: PaperRecord = {
  source: {
    key: 'modernbert2024',
    title:
      'Smarter, Better, Faster, Longer: A Modern Bidirectional Encoder for Fast, Memory Efficient, and Long Context Finetuning and Inference',
    short: 'Warner et al.',
    year: 2024,
    identifier: 'arXiv:2412.13663',
    kind: 'report',
  },
  claims: [
    {
      id: 'modernbert2024/d1',
      comparison: 'layernorm-vs-rmsnorm',
      measures: ['quality'],
      setting: {
        model: 'ModernBERT encoder',
        parameters: 150e6,
        hardware: null,
        precision: null,
        details: 'ablations of 8 to 20B tokens',
      },
      measurements: [],
      direction: 'no-difference',
      summary:
        'LayerNorm and RMSNorm came out alike at 150M parameters; LayerNorm was kept because PyTorch had no RMSNorm of its own then.',
      doesNotShow: ['a number or a spread', 'decoders', 'longer training than 20B tokens'],
      section: 'App. D.1',
      confidence: 'read',
    },
  ],
  notes: ['LayerNorm is used there with a weight and no bias.'],
};
