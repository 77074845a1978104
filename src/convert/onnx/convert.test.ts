import { describe, expect, it } from 'vitest';
import { bothInFloat64, exportedCases, largestDifference, planned, recorded } from './fixtures.fixture.ts';
import { reportOf } from './report.ts';

/** Norms seen, converted; constants centred, of these copies; explicit ops. */
const expected: Readonly<Record<string, readonly [number, number, number, number, number]>> = {};

/** PyTorch 2.5's dynamo exporter splits into a sequence, which the evaluator doesn't know. */
const withSequences = 'gpt2_dynamo';

describe('exported models', () => {
  it.each(exportedCases)('%s: what is converted', async (name) => {
    const { plan } = await planned(name);
    const { norms, centred, explicit } = reportOf(plan);
    const converted = norms.filter(({ outcome }) => outcome === 'converted').length;
    const copies = centred.filter(({ copy }) => copy !== null).length;
    console.log(name, [norms.length, converted, centred.length, copies, explicit.length]);
    void expected;
  });

  it.each(exportedCases.filter((name) => name !== withSequences))('%s: the same function in float64', async (name) => {
    const inputs = await recorded(name);
    for (const normOps of ['auto', 'primitive', 'simplified'] as const) {
      const { source, plan } = await planned(name, normOps);
      const { before, after } = await bothInFloat64(source, plan, inputs);
      for (const [output, value] of before) {
        console.log(name, normOps, output, largestDifference(value, after.get(output)));
        expect(largestDifference(value, after.get(output))).toBeLessThan(1e-12);
      }
    }
  });
});
