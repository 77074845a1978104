import type { FloatDType } from '../../../core/dtype.ts';
import { CheckFailedError, messageOf } from '../../../core/errors.ts';
import { yieldToSignals } from '../../../core/interrupt.ts';
import type { Engine } from '../../../engine/index.ts';
import { encodeModel, evaluateOnnxSteps, type OnnxModel } from '../../../graph/index.ts';
import { floorSeeds } from '../../certificate/floor.ts';
import { openInEngine, runSession, type Values } from './engine.ts';
import { makeOnnxInputs, type OnnxInputs, type OnnxInputsOptions } from './inputs.ts';
import { maxElements } from './memory.ts';
import type { OnnxMeasurements } from './schema.ts';
import { type OnnxSide, readExternal } from './side.ts';
import { exactWeights, perturbedModel, perturbedWeights, storedWeights, type Weights } from './weights.ts';

export interface MeasureOptions {
  readonly source: OnnxSide;
  readonly written: OnnxSide;
  readonly exact: (name: string) => Float64Array | undefined;
  readonly rewritten: ReadonlyMap<string, FloatDType>;
  readonly norms: readonly { readonly before: string; readonly after: string }[];
  readonly inputs?: OnnxInputsOptions | undefined;
  readonly engine: Engine;
  readonly signal: AbortSignal;
  /** The float outputs. */
  readonly outputs: readonly string[];
  /** Called before each run. */
  readonly step: () => Promise<void>;
}

/** What the models gave, by output. */
export interface Observations {
  readonly inputs: OnnxInputs;
  /** The source: in float64, or in the engine where there is no float64. */
  readonly reference: Values;
  readonly algebra: Values | null;
  readonly stored: Values | null;
  /** The written model in the engine; null where that can't run the source. */
  readonly run: Values | null;
  readonly perturbed: readonly Values[];
  /** What differs from the reference by the engine's arithmetic alone. */
  readonly byEngine: Values | null;
  /** Why the engine can't run the source. */
  readonly withoutEngine: string | null;
  readonly norms: OnnxMeasurements['norms'];
}

/** How many times `step` is called. */
export const exactSteps = floorSeeds + 5;
export const engineSteps = floorSeeds + 3;

/** Both models in float64, one after the other, and in the engine. */
export async function measureExactly(options: MeasureOptions): Promise<Observations> {
  const { source, written, norms, outputs, engine, step } = options;
  const before = norms.map((norm) => norm.before);
  const after = norms.map((norm) => norm.after);
  const sourceWeights = storedWeights(await readExternal(source));
  await step();
  // Looked for in float64, since an engine complains on the terminal about inputs that don't fit.
  const { inputs, result: reference } = await makeOnnxInputs(source.model, options.inputs ?? {}, ({ values }) =>
    observe(options, source.model, values, sourceWeights, [...outputs, ...before]),
  );
  const { values } = inputs;
  const perturbed: Values[] = [];
  for (let seed = 0; seed < floorSeeds; seed++) {
    await step();
    const weights = perturbedWeights(sourceWeights, options.rewritten, seed);
    perturbed.push(await observe(options, source.model, values, weights, outputs));
  }
  await step();
  const sourceRun = await runOnce(engine, source, values).catch(messageOf);
  const [byEngine, withoutEngine] = typeof sourceRun === 'string' ? [null, sourceRun] : [sourceRun, null];
  const writtenWeights = storedWeights(await readExternal(written));
  const exact = exactWeights(options.exact, writtenWeights);
  await step();
  const algebra = await observe(options, written.model, values, exact, [...outputs, ...after]);
  await step();
  const stored = await observe(options, written.model, values, writtenWeights, outputs);
  await step();
  const run = byEngine === null ? null : await runWritten(engine, written, values);
  const means = norms.map((norm) => ({
    ...norm,
    meanBefore: largestMean(reference, norm.before),
    meanAfter: largestMean(algebra, norm.after),
  }));
  return { inputs, reference, algebra, stored, run, perturbed, byEngine, withoutEngine, norms: means };
}

async function observe(
  { signal }: MeasureOptions,
  model: OnnxModel,
  inputs: Values,
  initializer: Weights,
  outputs: readonly string[],
): Promise<Values> {
  const steps = evaluateOnnxSteps(model, Object.fromEntries(inputs), { outputs, initializer, maxElements });
  let asked = performance.now();
  let step = steps.next();
  while (!step.done) {
    if (performance.now() - asked > 50) {
      await yieldToSignals(signal);
      asked = performance.now();
    }
    step = steps.next();
  }
  return step.value;
}

/** The largest |mean over the last axis| of any row. */
function largestMean(values: Values, name: string): number {
  const value = values.get(name);
  const width = value?.shape.at(-1) ?? 0;
  const data = value?.data ?? new Float64Array();
  let largest = 0;
  for (let start = 0; start < data.length; start += width) {
    const sum = data.subarray(start, start + width).reduce((total, x) => total + x, 0);
    largest = Math.max(largest, Math.abs(sum / width));
  }
  return largest;
}

/** Both models in the engine alone. */
export async function measureInEngine(options: MeasureOptions): Promise<Observations> {
  const { source, written, engine, step } = options;
  await step();
  const { inputs, reference } = await findInputs(options);
  const { values } = inputs;
  await step();
  const byEngine = await runOnce(engine, source, values, { optimization: 'disabled' });
  const weights = storedWeights(await readExternal(source));
  const perturbed: Values[] = [];
  for (let seed = 0; seed < floorSeeds; seed++) {
    await step();
    const model = perturbedModel(source.model, weights, options.rewritten, seed);
    perturbed.push(await runOnce(engine, { ...source, model, bytes: encodeModel(model) }, values));
  }
  await step();
  const run = await runWritten(engine, written, values);
  const exactly = { algebra: null, stored: null, norms: [] };
  return { inputs, reference, ...exactly, run, perturbed, byEngine, withoutEngine: null };
}

async function findInputs({ source, engine, inputs: given = {}, signal }: MeasureOptions) {
  const session = await openInEngine(engine, source, { quiet: true });
  try {
    const { inputs, result: reference } = await makeOnnxInputs(source.model, given, async ({ values }) => {
      await yieldToSignals(signal);
      return await runSession(session, source.model, values);
    });
    return { inputs, reference };
  } finally {
    await session.release();
  }
}

/** An engine that runs the source must run what was made of it. */
async function runWritten(engine: Engine, written: OnnxSide, inputs: Values): Promise<Values> {
  return await runOnce(engine, written, inputs).catch((error: unknown) => {
    throw new CheckFailedError(`${written.path}: the engine runs the source but not this: ${messageOf(error)}`);
  });
}

/** A model's float outputs in a session of its own. */
async function runOnce(
  engine: Engine,
  side: Pick<OnnxSide, 'bytes' | 'model' | 'folder'>,
  inputs: Values,
  options: Parameters<typeof openInEngine>[2] = {},
): Promise<Values> {
  const session = await openInEngine(engine, side, options);
  try {
    return await runSession(session, side.model, inputs);
  } finally {
    await session.release();
  }
}
