import { beforeAll, describe, expect, test } from 'vitest';
import type { FloatDType } from '../../core/dtype.ts';
import { cpuEngine } from '../../engine/index.ts';
import { type Model, openModel, type Storage } from '../../models/index.ts';
import { goldenFolder } from '../golden.fixture.ts';
import { applyRules, type ParameterValues, storedParameters } from '../rules/apply.ts';
import { type ConversionPlan, conversionPlan, type TensorRule } from '../rules/plan.ts';
import type { Step } from '../rules/steps.ts';
import { readParameterValues } from '../rules/values.ts';
import { untiedStorage } from '../write/layout.ts';
import { roundingOf } from '../write/rounding.ts';
import { certify } from './certify.ts';
import { certificateInputs } from './inputs.ts';
import { failures } from './limits.ts';
import type { Measurements, MeasureOptions } from './measure.ts';
import { observe } from './observe.ts';

let model: Model;
let source: ParameterValues;

beforeAll(async () => {
  model = await openModel(goldenFolder('gpt2'));
  source = await parametersWith(untiedStorage(model));
  return () => model.checkpoint.close();
});

function parametersWith(storage: Storage): Promise<ParameterValues> {
  const { spec } = conversionPlan(model.spec, 'rmsnorm');
  return readParameterValues({ ...model.spec, tiedHead: spec.tiedHead }, storedParameters(model.checkpoint, storage));
}

/** Rounds what a plan gives as the writer does. */
function rounded(plan: ConversionPlan, exact: ParameterValues, dtype: FloatDType): ParameterValues {
  return new Map(
    plan.rules.map((rule) => {
      const value = exact.get(rule.name);
      if (value === undefined) throw new Error(`no ${rule.name}`);
      const round = roundingOf(rule, dtype, rule.shape.at(-1) ?? 1);
      return [rule.name, { ...value, data: round(value.data) }];
    }),
  );
}

/** Certifies a plan whose results are rounded to a type; `converted` replaces what the rules give. */
async function measure(
  plan: ConversionPlan,
  dtype: FloatDType,
  converted?: ParameterValues,
  runWritten?: MeasureOptions['runWritten'],
): Promise<Measurements> {
  const written = rounded(plan, converted ?? (await applyRules(plan.rules, source)), dtype);
  const { inputIds } = await certificateInputs(model, { seed: 0 });
  return certify({
    plan,
    source: async () => source,
    dtypes: new Map(plan.rules.map(({ name }) => [name, dtype])),
    sourceDTypes: new Map([...source.keys()].map((name) => [name, 'float32'])),
    written: async () => ({ spec: plan.spec, parameters: written }),
    runWritten,
    inputIds: inputIds.map((row) => row.slice(0, 8)),
    engine: cpuEngine(),
  });
}

/** A plan without the steps of one kind on the parameters that match. */
function without(plan: ConversionPlan, parameter: RegExp, kind: Step['kind']): ConversionPlan {
  const change = (rule: TensorRule) =>
    parameter.test(rule.name) ? { ...rule, steps: rule.steps.filter((step) => step.kind !== kind) } : rule;
  return { ...plan, rules: plan.rules.map(change) };
}

function withStep(plan: ConversionPlan, parameter: RegExp, steps: readonly Step[]): ConversionPlan {
  return { ...plan, rules: plan.rules.map((rule) => (parameter.test(rule.name) ? { ...rule, steps } : rule)) };
}

test('what was written as a program is run itself: weights that are right don’t excuse it', async () => {
  const plan = conversionPlan(model.spec, 'rmsnorm');
  const values = await applyRules(plan.rules, source);
  const off = await measure(plan, 'float32', undefined, async (spec, inputIds) =>
    observe({ spec, parameters: values }, inputIds).logits.map((logit, i) => (i === 5 ? logit + 0.5 : logit)),
  );
  expect(off.run.maxAbsLogit).toBeCloseTo(0.5, 12);
  expect(failures(off)).toEqual([expect.stringMatching(/^run is off/)]);
});

describe.each(['rmsnorm', 'crmsnorm'] as const)('%s', (target) => {
  test.each(['float64', 'float32'] as const)('the rules pass in %s', async (dtype) => {
    const measured = await measure(conversionPlan(model.spec, target), dtype);
    expect(failures(measured)).toEqual([]);
    expect(measured.passed).toBe(true);
    expect(measured.floor.maxAbsLogit).toBeGreaterThan(0);
    expect(Math.max(...measured.algebra.residualMeans.after)).toBeLessThan(1e-14);
    expect(Math.min(...measured.algebra.residualMeans.before)).toBeGreaterThan(1e-2);
  });

  const mutations: readonly (readonly [string, (plan: ConversionPlan) => ConversionPlan])[] = [
    ['the token embedding is not centred', (plan) => without(plan, /^embedding\.token/, 'centreRows')],
    ['the position embedding is not centred', (plan) => without(plan, /^embedding\.position/, 'centreRows')],
    ['one bias is not centred', (plan) => without(plan, /^blocks\.1\.mlp\.down\.bias/, 'centreRows')],
    ['one matrix is not centred', (plan) => without(plan, /^blocks\.0\.attention\.output\.weight/, 'centreColumns')],
    [
      'a matrix is centred along the wrong axis, as Conv1D invites to',
      (plan) =>
        withStep(plan, /^blocks\.0\.attention\.output\.weight/, [
          { kind: 'centreRows' },
          ...(target === 'crmsnorm' ? [{ kind: 'dropLastRow' } as const] : []),
        ]),
    ],
    [
      'the blocks get another epsilon',
      (plan) => ({ ...plan, spec: { ...plan.spec, norm: { ...plan.spec.norm, epsilon: 1e-6 } } }),
    ],
    [
      'the final norm gets another epsilon',
      ({ spec, ...plan }) => ({ ...plan, spec: { ...spec, finalNorm: { kind: spec.norm.kind, epsilon: 1e-6 } } }),
    ],
  ];
  test.each(mutations)('fails where %s', async (_, mutate) => {
    const measured = await measure(mutate(conversionPlan(model.spec, target)), 'float32');
    expect(measured.passed).toBe(false);
    expect(failures(measured)[0]).toMatch(/^algebra is off by up to/);
  });
});

test('rmsnorm fails where the head stays tied to the centred embedding', async () => {
  const plan = conversionPlan(model.spec, 'rmsnorm');
  const tied = withStep(plan, /^head\.weight/, [{ kind: 'centreRows' }]);
  expect((await measure(tied, 'float32')).passed).toBe(false);
});

test.each([
  ['a norm’s weight is not folded', /query|qkv|up\.weight/, 'scaleColumns'],
  ['a norm’s bias is not folded', /qkv\.bias/, 'addProduct'],
  ['the final norm’s bias is not folded', /head\.bias/, 'addProduct'],
  ['the last column is not subtracted', /mlp\.up\.weight/, 'subtractLastColumn'],
] as const)('crmsnorm fails where %s', async (_, parameter, kind) => {
  const measured = await measure(without(conversionPlan(model.spec, 'crmsnorm'), parameter, kind), 'float32');
  expect(failures(measured)[0]).toMatch(/^algebra/);
});

test('rmsnorm fails where a Conv1D matrix is read as a plain linear', async () => {
  const plan = conversionPlan(model.spec, 'rmsnorm');
  const name = 'blocks.0.attention.output.weight';
  const place = model.storage.get(name);
  if (place === undefined) throw new Error(`no ${name}`);
  const misread = await parametersWith(new Map([...untiedStorage(model), [name, { ...place, transposed: false }]]));
  const exact = await applyRules(plan.rules, source);
  const wrong = (await applyRules(plan.rules, misread)).get(name);
  if (wrong === undefined) throw new Error(`no ${name}`);
  const measured = await measure(plan, 'float32', new Map([...exact, [name, wrong]]));
  expect(failures(measured).map((failure) => failure.split(' ')[0])).toEqual(['stored', 'run']);
});

test('a bfloat16 figure alone would not see a wrong epsilon: the algebra does', async () => {
  const plan = conversionPlan(model.spec, 'rmsnorm');
  const wrong = { ...plan, spec: { ...plan.spec, norm: { ...plan.spec.norm, epsilon: 1e-6 } } };
  const measured = await measure(wrong, 'bfloat16');
  expect(measured.stored.maxAbsLogit).toBeLessThan(measured.limits.stored);
  expect(failures(measured)[0]).toMatch(/^algebra/);
});

test('a weight that is written wrongly fails although the rules are right', async () => {
  const plan = conversionPlan(model.spec, 'rmsnorm');
  const exact = await applyRules(plan.rules, source);
  const name = 'blocks.2.mlp.down.bias';
  const bias = exact.get(name);
  if (bias === undefined) throw new Error(`no ${name}`);
  const off = { ...bias, data: bias.data.map((value, i) => (i === 7 ? value + 1e-4 : value)) };
  const measured = await measure(plan, 'float32', new Map([...exact, [name, off]]));
  expect(failures(measured).map((failure) => failure.split(' ')[0])).toEqual(['stored', 'run']);
});

test('crmsnorm is off by more where each entry is rounded by itself: the dropped coordinate sums up their errors', async () => {
  const plan = conversionPlan(model.spec, 'crmsnorm');
  const byItself = { ...plan, rules: plan.rules.map(({ keepSums: _, ...rule }) => rule) };
  const [kept, lost] = [await measure(plan, 'float32'), await measure(byItself, 'float32')];
  expect(lost.stored.nmse).toBeGreaterThan(1.5 * kept.stored.nmse);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])('%s passes no limit', (maxAbsLogit) => {
  const figures = {
    maxAbsLogit,
    nmse: 0,
    kl: 0,
    top1Agreement: 1,
    residualMeans: { before: [], after: [] },
  };
  const limits = { algebra: 1, stored: Number.POSITIVE_INFINITY, run: 1 };
  expect(failures({ algebra: figures, stored: figures, run: figures, limits })).toHaveLength(3);
});
