import type { PaperRecord } from '../../schema.ts';
import { measured, of } from '../values.ts';

/** What a wrong norm or epsilon does in practice, from a runtime's threads. */
export const llamaCpp: readonly PaperRecord[] = [
  {
    source: {
      key: 'llama-cpp-2374',
      title: 'make rms_norm_eps a parameter',
      short: 'llama.cpp developers',
      year: 2023,
      identifier: 'ggml-org/llama.cpp#2374',
      kind: 'issue',
    },
    claims: [
      {
        id: 'llama-cpp-2374/epsilon',
        comparison: 'implementation',
        measures: ['quality'],
        setting: { model: 'Llama 2 7B', parameters: 7e9, hardware: null, precision: 'q5_K_M' },
        measurements: [
          measured('WikiText perplexity', 'perplexity', 'lower', [
            of('rmsnorm', 5.8283, { variant: 'epsilon 1e-5, as trained' }),
            of('rmsnorm', 5.8986, { variant: 'epsilon 1e-6' }),
          ]),
        ],
        direction: 'not-applicable',
        summary: 'Running a model with an epsilon ten times too small raises perplexity from 5.8283 to 5.8986.',
        doesNotShow: ['anything about the kind of norm'],
        section: 'discussion',
        confidence: 'read',
      },
    ],
    notes: [],
  },
  {
    source: {
      key: 'llama-cpp-2384',
      title: 'Default for RMS epsilon',
      short: 'llama.cpp developers',
      year: 2023,
      identifier: 'ggml-org/llama.cpp#2384',
      kind: 'issue',
    },
    claims: [],
    notes: ['States that LLaMA was trained with an epsilon of 1e-6 and Llama 2 with 1e-5.'],
  },
  {
    source: {
      key: 'llama-cpp-173',
      title: 'Use RMSNorm',
      short: 'llama.cpp developers',
      year: 2023,
      identifier: 'ggml-org/llama.cpp#173',
      kind: 'issue',
    },
    claims: [],
    notes: [
      'The runtime first ran LLaMA with LayerNorm by mistake. It was guessed that the mean is near zero; a difference in text quality at 13B was suspected and not measured there.',
    ],
  },
];
