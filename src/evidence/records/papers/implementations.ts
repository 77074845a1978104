import type { PaperRecord } from '../../schema.ts';
import { measured, of } from '../values.ts';

/** What happens to the cost when only the implementation of a norm differs. */
export const implementations: readonly PaperRecord[] = [
  {
    source: {
      key: 'neox-pr-136',
      title: 'Add RMSNorm',
      short: 'GPT-NeoX developers',
      year: 2021,
      identifier: 'EleutherAI/gpt-neox#136',
      kind: 'issue',
    },
    claims: [
      {
        id: 'neox-pr-136/throughput',
        comparison: 'layernorm-vs-rmsnorm',
        measures: ['speed', 'quality'],
        setting: {
          model: 'GPT-NeoX',
          parameters: null,
          hardware: null,
          precision: null,
          details: 'the log line of step 10 of each run',
        },
        measurements: [
          measured('training throughput', 'samples/s', 'higher', [
            of('layernorm', 33.37, { variant: 'FusedLayerNorm' }),
            of('rmsnorm', 32.33, { printedChangePercent: -3.1 }),
          ]),
          measured('loss', 'loss', 'lower', [
            of('layernorm', 11.1717, { variant: 'FusedLayerNorm' }),
            of('rmsnorm', 11.1723),
          ]),
        ],
        direction: 'layernorm-better',
        summary:
          'An RMSNorm of primitive operations reaches 32.33 samples/s where the fused LayerNorm reaches 33.37 (3.1% less), the loss after 10 steps being the same.',
        doesNotShow: [
          'quality: ten steps decide nothing',
          'the norms at equal implementation quality: one is fused, the other is not',
        ],
        section: 'discussion',
        confidence: 'read',
      },
    ],
    notes: [],
  },
  {
    source: {
      key: 'pytorch-157345',
      title: 'nn.rmsnorm is super slower than nn.layernorm',
      short: 'a PyTorch user',
      year: 2025,
      identifier: 'pytorch/pytorch#157345',
      kind: 'issue',
    },
    claims: [
      {
        id: 'pytorch-157345/report',
        comparison: 'implementation',
        measures: ['speed'],
        setting: { model: 'one norm layer', parameters: null, hardware: null, precision: null },
        measurements: [],
        direction: 'layernorm-better',
        summary:
          'A report, open since July 2025, that PyTorch’s own RMSNorm module runs far slower than its LayerNorm.',
        doesNotShow: ['a whole model', 'compiled code or other kernels'],
        section: 'description',
        confidence: 'read',
      },
    ],
    notes: [],
  },
  {
    source: {
      key: 'pytorch-121364',
      title: 'Add RMSNorm module',
      short: 'PyTorch developers',
      year: 2024,
      identifier: 'pytorch/pytorch#121364',
      kind: 'issue',
    },
    claims: [],
    notes: [
      'PyTorch had no RMSNorm of its own in 2023 (an earlier thread is pytorch/pytorch#72643). The module came with release 2.4, at first without a fused kernel.',
    ],
  },
  {
    source: {
      key: 'flash-attention-1092',
      title: 'layernorm/rmsnorm is slow',
      short: 'a flash-attention user',
      year: 2024,
      identifier: 'Dao-AILab/flash-attention#1092',
      kind: 'issue',
    },
    claims: [],
    notes: [
      'A user finds a Triton RMSNorm slower than a plain one; the maintainer objects to the way it was timed. No figures were taken over.',
    ],
  },
  {
    source: {
      key: 'openelm2024',
      title: 'OpenELM: An Efficient Language Model Family with Open Training and Inference Framework',
      short: 'Mehta et al.',
      year: 2024,
      identifier: 'arXiv:2404.14619',
      kind: 'report',
    },
    claims: [
      {
        id: 'openelm2024/table8',
        comparison: 'implementation',
        measures: ['speed'],
        setting: {
          model: 'OpenELM-1.08B and OLMo-1.18B',
          parameters: 1.08e9,
          hardware: null,
          precision: null,
          details: 'inference throughput',
        },
        measurements: [],
        direction: 'layernorm-better',
        summary:
          'Both models lose much throughput with a plain PyTorch RMSNorm in place of an optimized LayerNorm; an apex RMSNorm narrows the gap without closing it.',
        doesNotShow: [
          'numbers: none were found in what was searched',
          'a cost of RMSNorm as such: it is that of its kernel',
        ],
        section: 'Table 8, caption',
        confidence: 'secondary',
      },
    ],
    notes: [],
  },
];
