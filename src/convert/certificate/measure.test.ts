import { describe, expect, test } from 'vitest';
import type { FloatDType } from '../../core/dtype.ts';
import { cpuEngine } from '../../engine/index.ts';
import type { Value } from '../../graph/index.ts';
import { decoderParameters, openModel } from '../../models/index.ts';
import { goldenFolder } from '../golden.fixture.ts';
import { preLnCases } from '../preLnCases.fixture.ts';
import { applyRules, type ParameterValues, storedParameters, valueParameters } from '../rules/apply.ts';
import { conversionPlan } from '../rules/plan.ts';
import { readParameterValues } from '../rules/values.ts';
import { untiedStorage } from '../write/layout.ts';
import { roundingOf } from '../write/rounding.ts';
import { exactDecoder, type InputIds } from './decoder.ts';
import { medianDifference } from './difference.ts';
import { floorSeeds, perturb } from './floor.ts';
import { measure } from './measure.ts';
import { differenceOf, type MemoryDecoder, type Observation, observe, observeInEngine } from './observe.fixture.ts';
import type { Difference, LogitDifference } from './schema.ts';

/** Centring alone is the smaller part of a conversion: folding and dropping a coordinate come on top of it. */
const centredAlone: readonly string[] = ['gpt2', 'bloom', 'gpt_neox_parallel', 'xglm'];
const engine = cpuEngine();

/** What `measure` says of whole decoders in memory, computed one after the other. */
async function measuredInMemory(
  source: MemoryDecoder,
  exact: MemoryDecoder,
  written: MemoryDecoder,
  rewritten: ReadonlyMap<string, FloatDType>,
  inputIds: InputIds,
) {
  const reference = observe(source, inputIds);
  const compared = (observed: Observation): Difference => ({
    ...differenceOf(reference, observed),
    residualMeans: { before: [...reference.residualMeans], after: [...observed.residualMeans] },
  });
  const perturbed = (seed: number): ParameterValues =>
    new Map(
      [...source.parameters].map(([name, value]): [string, Value] => {
        const dtype = rewritten.get(name);
        return [name, dtype === undefined ? value : perturb(value, { name }, { dtype, seed })];
      }),
    );
  const floors = Array.from({ length: floorSeeds }, (_, seed) =>
    differenceOf(reference, observe({ ...source, parameters: perturbed(seed) }, inputIds)),
  );
  return {
    algebra: compared(observe(exact, inputIds)),
    stored: compared(observe(written, inputIds)),
    run: compared(await observeInEngine(engine, written, inputIds)),
    floor: medianDifference(floors),
    engineFloor: differenceOf(reference, await observeInEngine(engine, source, inputIds)),
  };
}

/** Equal up to a relative error of the logits that were compared. */
function expectClose(found: LogitDifference, expected: LogitDifference, tolerance: number): void {
  expect(Math.abs(found.maxAbsLogit - expected.maxAbsLogit)).toBeLessThan(tolerance);
  expect(Math.abs(Math.sqrt(found.nmse) - Math.sqrt(expected.nmse))).toBeLessThan(tolerance);
  expect(Math.abs(found.kl - expected.kl)).toBeLessThan(tolerance);
  expect(found.top1Agreement).toBe(expected.top1Agreement);
}

describe.each(preLnCases)('%s', (name) => {
  const targets = centredAlone.includes(name) ? (['rmsnorm', 'crmsnorm'] as const) : (['crmsnorm'] as const);
  test.each(targets)('as %s has the figures that whole decoders in memory have', async (target) => {
    const model = await openModel(goldenFolder(name));
    try {
      const plan = conversionPlan(model.spec, target);
      const stored = storedParameters(model.checkpoint, untiedStorage(model));
      const values = await readParameterValues(plan.source, stored);
      const exact = { spec: plan.spec, parameters: await applyRules(plan.rules, values) };
      const rounded = new Map(
        plan.rules.map((rule): [string, Value] => {
          const value = exact.parameters.get(rule.name);
          if (value === undefined) throw new Error(`no ${rule.name}`);
          return [rule.name, { ...value, data: roundingOf(rule, 'float32', rule.shape.at(-1) ?? 1)(value.data) }];
        }),
      );
      const written = { spec: plan.spec, parameters: rounded };
      const rewritten = new Map(decoderParameters(plan.source).map(({ name }) => [name, 'float32'] as const));
      const inputIds = [
        [5, 6, 7, 5, 1],
        [0, 3, 5, 9, 2],
      ];
      const inMemory = await measuredInMemory(
        { spec: plan.source, parameters: values },
        exact,
        written,
        rewritten,
        inputIds,
      );
      const inStages = await measure({
        source: { spec: model.spec, parameters: stored },
        rewritten,
        exact: (parameters) => exactDecoder(plan.spec, plan.rules, parameters),
        written: { spec: plan.spec, parameters: valueParameters(rounded) },
        inputIds,
        isText: true,
        engine,
      });
      // The evaluator's products are the same ones, number for number; only the sums over logits come in another order.
      for (const figure of ['algebra', 'stored', 'floor'] as const) {
        expectClose(inStages[figure] ?? fail(figure), inMemory[figure], 1e-14);
        expect(inStages[figure]?.maxAbsLogit).toBe(inMemory[figure].maxAbsLogit);
      }
      for (const figure of ['run', 'engineFloor'] as const) expectClose(inStages[figure], inMemory[figure], 1e-6);
      expect(inStages.stored.residualMeans).toEqual(inMemory.stored.residualMeans);
      expect(inStages.algebra?.residualMeans).toEqual(inMemory.algebra.residualMeans);
      expect(inStages.passed).toBe(true);
    } finally {
      await model.checkpoint.close();
    }
  });
});

function fail(what: string): never {
  throw new Error(`nothing was measured as ${what}`);
}
