import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bothInFloat64, largestDifference } from './fixtures.fixture.ts';
import { planOnnx } from './plan.ts';
import { randomInputs, randomModel, streamSteps } from './random.fixture.ts';
import { reportOf } from './report.ts';
import { normOps } from './rewrite/normOps.ts';

const models = fc.record({
  seed: fc.nat(1000),
  steps: fc.array(fc.constantFrom(...streamSteps), { maxLength: 8 }),
  norm: fc.constantFrom('fused', 'pow', 'mul', 'reciprocal'),
  opset: fc.constantFrom(14, 17, 18, 23),
} as const);

it('random graphs compute the same after their conversion', async () => {
  let converted = 0;
  let kept = 0;
  await fc.assert(
    fc.asyncProperty(models, fc.constantFrom(...normOps), async (description, ops) => {
      const model = randomModel(description);
      const source = { model, external: { files: [], read: async function* () {} } };
      const asked = ops === 'rmsnormalization' && description.opset < 23 ? 'auto' : ops;
      const plan = planOnnx(model, { normOps: asked, source: 'random' });
      const { norms } = reportOf(plan);
      converted += norms.filter(({ outcome }) => outcome === 'converted').length;
      kept += norms.filter(({ outcome }) => outcome === 'kept').length;
      const { before, after } = await bothInFloat64(source, plan, randomInputs(description.seed));
      for (const [output, value] of before) expect(largestDifference(value, after.get(output))).toBeLessThan(1e-11);
    }),
    { numRuns: 60 },
  );
  expect(converted).toBeGreaterThan(10);
  expect(kept).toBeGreaterThan(10);
});
