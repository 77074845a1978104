import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DecoderSpec, decoderSpecSchema, type PositionSpec } from '../../models/index.ts';
import { differenceOf, observe } from '../certificate/observe.fixture.ts';
import { preLnSpec, randomParameters, withHead } from '../decoder.fixture.ts';
import { conversionTargets } from '../options.ts';
import { applyRules } from './apply.ts';
import { conversionPlan } from './plan.ts';
import { convertedSpec } from './spec.ts';

const layerNorms = ['layernorm', 'layernorm-nobias', 'layernorm-nonparametric', 'layernorm1p'];
const norm = fc.record({ kind: fc.constantFrom(...layerNorms), epsilon: fc.constantFrom(1e-5, 1e-6, 0.1) });

const spec: fc.Arbitrary<DecoderSpec> = fc
  .record({
    norm,
    finalNorm: norm,
    positions: fc.constantFrom<PositionSpec>(
      { kind: 'learned', count: 8 },
      { kind: 'learned', count: 8, offset: 2 },
      { kind: 'rotary', base: 1e4 },
      { kind: 'rotary', base: 1e4, size: 2, interleaved: true, layers: [true, false] },
      { kind: 'rotary', base: 1e4, scaling: { kind: 'linear', factor: 2 } },
      { kind: 'alibi', slopes: [0.5, 0.25, 0.1] },
      { kind: 'sinusoidal', offset: 2, blank: 3 },
    ),
    parallel: fc.constantFrom(undefined, 'two_norms' as const, 'shared_norm' as const),
    extras: fc.constantFrom(
      {},
      { embeddingScale: 3 },
      { logitScale: 0.3, logitCap: 2 },
      { recentreInput: true as const },
    ),
    embeddingNorm: fc.option(
      fc.record({
        kind: fc.constantFrom(...layerNorms, 'rmsnorm', 'dyt'),
        epsilon: fc.constantFrom(1e-5, 0.1),
      }),
      { nil: undefined },
    ),
    attention: fc.record({
      projection: fc.constantFrom('separate' as const, 'fused' as const, 'fused_by_group' as const),
      numKeyValueHeads: fc.constantFrom(1, 3),
      qkvBias: fc.boolean(),
      outputBias: fc.boolean(),
      clip: fc.constantFrom(null, 0.7),
      windows: fc.constantFrom(undefined, [2, null]),
      scoreCap: fc.constantFrom(undefined, 1.5),
      qkNorm: fc.constantFrom(
        null,
        { norm: { kind: 'layernorm', epsilon: 1e-5 }, extent: 'head' as const },
        { norm: { kind: 'layernorm', epsilon: 1e-5 }, extent: 'full' as const },
        { norm: { kind: 'layernorm-nobias', epsilon: 1e-5 }, extent: 'each_head' as const },
      ),
    }),
    mlp: fc
      .record({
        kind: fc.constantFrom('plain' as const, 'gated' as const),
        bias: fc.boolean(),
        fusedGate: fc.constantFrom(undefined, true as const),
      })
      .filter(({ kind, fusedGate }) => kind === 'gated' || fusedGate === undefined),
    tiedHead: fc.boolean(),
    headBias: fc.boolean(),
  })
  .map(({ attention, mlp, extras, ...rest }) => {
    const base = preLnSpec({ ...rest, ...extras });
    return { ...base, attention: { ...base.attention, ...attention }, mlp: { ...base.mlp, ...mlp } };
  });

const inputIds = [
  [3, 1, 4, 1, 5],
  [9, 2, 6, 5, 12],
];

test.each(conversionTargets)('any Pre-LN decoder has the same logits as %s', async (target) => {
  await fc.assert(
    fc.asyncProperty(spec, fc.integer(), async (source, seed) => {
      const parameters = randomParameters(source, seed);
      const plan = conversionPlan(source, target);
      expect(decoderSpecSchema.safeParse(plan.spec).error).toBeUndefined();
      const converted = await applyRules(plan.rules, source.tiedHead ? withHead(parameters) : parameters);
      const before = observe({ spec: source, parameters }, inputIds);
      const after = observe({ spec: plan.spec, parameters: converted }, inputIds);
      expect(differenceOf(before, after).maxAbsLogit).toBeLessThan(1e-10);
      expect(Math.max(...after.residualMeans)).toBeLessThan(1e-12);
      expect(Math.max(...before.residualMeans)).toBeGreaterThan(1e-3);
    }),
    { numRuns: 60 },
  );
});

const options = fc.record({ fold: fc.boolean(), qkNorms: fc.boolean(), keepsNormKinds: fc.boolean() });

test.each(conversionTargets)('folded, and with the norms on queries and keys, too: %s', async (target) => {
  await fc.assert(
    fc.asyncProperty(spec, options, fc.integer(), async (drawn, asked, seed) => {
      const clip = asked.qkNorms ? null : drawn.attention.clip;
      const source = { ...drawn, attention: { ...drawn.attention, clip } };
      const parameters = randomParameters(source, seed);
      const plan = conversionPlan(source, target, asked);
      expect(decoderSpecSchema.safeParse(plan.spec).error).toBeUndefined();
      const converted = await applyRules(plan.rules, source.tiedHead ? withHead(parameters) : parameters);
      const before = observe({ spec: source, parameters }, inputIds);
      const after = observe({ spec: plan.spec, parameters: converted }, inputIds);
      expect(differenceOf(before, after).maxAbsLogit).toBeLessThan(1e-10);
      const { qkNorm } = plan.spec.attention;
      if (asked.qkNorms && qkNorm !== null) expect(qkNorm.norm.kind).toMatch(/^rmsnorm/);
      if (asked.fold && !asked.keepsNormKinds && target === 'rmsnorm') {
        expect([plan.spec.norm.kind, plan.spec.finalNorm?.kind]).toEqual(Array(2).fill('rmsnorm-nonparametric'));
      }
    }),
    { numRuns: 60 },
  );
});

test('embeddings that are narrower than the stream stay, and a tied head with them', async () => {
  const bare = { kind: 'layernorm-nobias', epsilon: 1e-5 };
  for (const tiedHead of [true, false]) {
    const source = preLnSpec({ embeddingSize: 5, finalNorm: bare, tiedHead });
    const parameters = randomParameters(source);
    for (const target of conversionTargets) {
      const plan = conversionPlan(source, target);
      expect(plan.spec.tiedHead).toBe(tiedHead);
      const converted = await applyRules(plan.rules, tiedHead ? withHead(parameters) : parameters);
      const before = observe({ spec: source, parameters }, inputIds);
      const after = observe({ spec: plan.spec, parameters: converted }, inputIds);
      expect(differenceOf(before, after).maxAbsLogit).toBeLessThan(1e-10);
      expect(Math.max(...after.residualMeans)).toBeLessThan(1e-12);
    }
  }
});

test('only a head after a norm without parameters may stay tied', () => {
  const tied = (kind: string) => {
    const source = preLnSpec({ finalNorm: { kind, epsilon: 1e-5 }, tiedHead: true });
    return conversionTargets.map((target) => convertedSpec(source, target).tiedHead);
  };
  expect(tied('layernorm')).toEqual([false, false]);
  expect(tied('layernorm-nobias')).toEqual([false, false]);
  expect(tied('layernorm-nonparametric')).toEqual([true, false]);
});

test('what neither writes to the stream nor reads it is copied', () => {
  const { rules } = conversionPlan(preLnSpec(), 'rmsnorm');
  const rewritten = rules.filter(({ steps }) => steps.length > 0).map(({ name }) => name.replace(/\d/, '#'));
  expect([...new Set(rewritten)]).toEqual([
    'embedding.token.weight',
    'embedding.position.weight',
    'blocks.#.attention.output.weight',
    'blocks.#.attention.output.bias',
    'blocks.#.mlp.down.weight',
    'blocks.#.mlp.down.bias',
  ]);
});

test('epsilon is taken over', () => {
  const source = preLnSpec({
    norm: { kind: 'layernorm', epsilon: 3e-7 },
    finalNorm: { kind: 'layernorm', epsilon: 2 },
  });
  for (const target of conversionTargets) {
    const converted = convertedSpec(source, target);
    expect([converted.norm.epsilon, converted.finalNorm?.epsilon]).toEqual([3e-7, 2]);
  }
});
