import { describe, expect, it } from 'vitest';
import { bothInFloat64, exportedCases, largestDifference, planned, recorded } from './fixtures.fixture.ts';
import { reportOf } from './report.ts';

interface Expected {
  /** Norms that are seen, and of these converted. */
  readonly norms: readonly [seen: number, converted: number];
  /** Constants that lose their mean, and of these copies. */
  readonly centred: readonly [tensors: number, copies: number];
  readonly explicit?: readonly string[];
  readonly folded?: number;
  /** Of the norms that are kept. */
  readonly reasons?: readonly RegExp[];
}

// Tokens, positions and, in each of two layers, two writers with their biases: 10 tensors for a decoder.
const decoder: Expected = { norms: [5, 5], centred: [10, 0] };
// Patches with their bias, a class token and positions instead.
const vit: Expected = { norms: [5, 5], centred: [12, 0] };

const expected: Readonly<Record<string, Expected>> = {
  bert: {
    norms: [6, 1],
    centred: [3, 0],
    reasons: [
      ...Array.from(
        { length: 4 },
        () => /^LayerNormalization .* weights bring one in; an explicit op would free this norm alone$/,
      ),
      /^Mul .* gives it a mean: it multiplies by what may differ from channel to channel; .* this norm alone$/,
    ],
  },
  clip_text: decoder,
  clip_vision: {
    norms: [6, 6],
    centred: [11, 0],
    explicit: ['/model/vision_model/pre_layrnorm/LayerNormalization_output_0'],
  },
  dinov2: { norms: [5, 5], centred: [13, 0], folded: 4 },
  gpt2: decoder,
  // The dynamo exporter and opset 14 leave the head tied to the tokens' table.
  gpt2_dynamo: { ...decoder, centred: [10, 1] },
  gpt2_float16: decoder,
  gpt2_float64: decoder,
  gpt2_hidden_states: {
    norms: [5, 3],
    centred: [4, 0],
    explicit: ['hidden_states.1'],
    reasons: [
      /^"hidden_states.0" is an output of the model, which must keep its mean; an explicit op would free this norm alone$/,
      /^"hidden_states.1" is an output of the model/,
    ],
  },
  gpt2_opset14: { ...decoder, centred: [10, 1] },
  gpt2_with_past: decoder,
  // No learned positions.
  gpt_neox_external: { norms: [5, 5], centred: [9, 0] },
  llama_float64: { norms: [0, 0], centred: [0, 0] },
  t5: { norms: [0, 0], centred: [0, 0] },
  vit,
  vit_dynamo: vit,
  vit_float64: vit,
  // Three branches in each layer.
  whisper_decoder: { norms: [7, 7], centred: [14, 0] },
  // The stream starts behind a GELU.
  whisper_encoder: { norms: [5, 5], centred: [9, 0], explicit: ['/model/Mul_2_output_0'] },
};

describe('exported models', () => {
  it('are all here', () => {
    expect(exportedCases).toEqual(Object.keys(expected));
  });

  it.each(Object.entries(expected))(
    '%s: what is converted',
    async (name, { norms, centred, explicit, folded, reasons }) => {
      const report = reportOf((await planned(name)).plan);
      const kept = report.norms.filter(({ outcome }) => outcome === 'kept');
      expect([report.norms.length, report.norms.length - kept.length]).toEqual(norms);
      expect([report.centred.length, report.centred.filter(({ copy }) => copy !== null).length]).toEqual(centred);
      expect(report.explicit.map(({ value }) => value)).toEqual(explicit ?? []);
      expect(new Set(report.centred.flatMap((tensor) => tensor.folded)).size).toBe(folded ?? 0);
      expect(kept.map(({ why }, i) => reasons?.[i]?.test(why) || why)).toEqual(kept.map(() => true));
    },
  );

  // PyTorch 2.5's dynamo exporter splits into a sequence, which the evaluator doesn't know; Llama and T5 have RMSNorms.
  const computed = exportedCases.filter((name) => !['gpt2_dynamo', 'llama_float64', 't5'].includes(name));

  it.each(computed)('%s: the same function in float64', async (name) => {
    const inputs = await recorded(name);
    // Each case in one form, all of them in all cases.
    const normOps = (['auto', 'primitive', 'simplified'] as const)[computed.indexOf(name) % 3] ?? 'auto';
    const { source, plan } = await planned(name, normOps);
    const { before, after } = await bothInFloat64(source, plan, inputs);
    expect(before.size).toBeGreaterThan(0);
    for (const [output, value] of before) expect(largestDifference(value, after.get(output))).toBeLessThan(1e-13);
  });
});
