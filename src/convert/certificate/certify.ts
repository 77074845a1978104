import type { FloatDType } from '../../core/dtype.ts';
import { yieldToSignals } from '../../core/interrupt.ts';
import type { Engine } from '../../engine/index.ts';
import type { ParameterValues } from '../rules/apply.ts';
import { applyRules } from '../rules/apply.ts';
import type { ConversionPlan } from '../rules/plan.ts';
import { foldedParameters } from '../rules/steps.ts';
import { compare, compareLogits, medianDifference, type Observation } from './difference.ts';
import { floorSeeds, perturb } from './floor.ts';
import { type Decoder, type InputIds, observe, observeInEngine } from './observe.ts';
import type { Certificate, LogitDifference } from './schema.ts';

/** The part of a certificate that is measured. */
export type Measurements = Pick<
  Certificate,
  'algebra' | 'stored' | 'run' | 'floor' | 'floorSeeds' | 'engineFloor' | 'limits' | 'passed'
>;

export interface CertifyOptions {
  readonly plan: ConversionPlan;
  /** Reads the source's parameters, its head separate. They are let go before `written` is asked for. */
  readonly source: () => Promise<ParameterValues>;
  /** The element type in which each parameter of the plan is written. */
  readonly dtypes: ReadonlyMap<string, FloatDType>;
  /** The element type in which the source stores each parameter. */
  readonly sourceDTypes: ReadonlyMap<string, FloatDType>;
  /** Reads the decoder as it was written. */
  readonly written: () => Promise<Decoder>;
  readonly inputIds: InputIds;
  readonly engine: Engine;
  readonly signal?: AbortSignal | undefined;
  /** Called before each of the model's runs. */
  readonly onRun?: ((done: number, total: number) => void) | undefined;
}

/** The source in float64, a rewritten copy of it, and what goes into the graph. */
export const certificateBytesPerParameter = 24;

/** How many floors a figure may have. */
const floors = 3;

/** Logits up to 1000 are held to 1e-10, about a thousand roundings of float64 at that size; larger ones in proportion. */
const algebraLimit = { absolute: 1e-10, relative: 1e-13 };

/**
 * Measures how equal a conversion is to its source: three times, with the floors beside which that is to be seen.
 *
 * Limits of max |Δlogit|, each the sum of what can add up: `algebra` 1e-10; `stored` the algebra's figure and 3 floors;
 * `run` the limit of `stored` and 3 times what float32 arithmetic costs the source itself (`engineFloor`). Needs
 * `certificateBytesPerParameter` bytes of memory for each parameter.
 */
export async function certify(options: CertifyOptions): Promise<Measurements> {
  const step = stepper(options);
  const { reference, algebra, floor, engineFloor } = await measureSource(options, step);
  const { stored, run } = await measureWritten(options, reference, step);
  const largestLogit = reference.logits.reduce((largest, logit) => Math.max(largest, Math.abs(logit)), 0);
  const storedLimit = algebra.maxAbsLogit + floors * floor.maxAbsLogit;
  const limits = {
    algebra: Math.max(algebraLimit.absolute, algebraLimit.relative * largestLogit),
    stored: storedLimit,
    run: storedLimit + floors * engineFloor.maxAbsLogit,
  };
  const figures = { algebra, stored, run, floor, floorSeeds, engineFloor, limits };
  return { ...figures, passed: failures(figures).length === 0 };
}

type Step = () => Promise<void>;

function stepper({ signal = new AbortController().signal, onRun }: CertifyOptions): Step {
  let done = 0;
  return async () => {
    await yieldToSignals(signal);
    onRun?.(done++, floorSeeds + 5);
  };
}

async function measureSource({ plan, inputIds, engine, ...options }: CertifyOptions, step: Step) {
  const parameters = await options.source();
  const source = { spec: plan.source, parameters };
  await step();
  const reference = observe(source, inputIds);
  await step();
  const engineFloor = compareLogits(reference, await observeInEngine(engine, source, inputIds));
  const rewritten = rewrittenDTypes({ plan, ...options });
  const perturbations: LogitDifference[] = [];
  for (let seed = 0; seed < floorSeeds; seed++) {
    await step();
    const perturbed = { spec: plan.source, parameters: perturb(parameters, rewritten, seed) };
    perturbations.push(compareLogits(reference, observe(perturbed, inputIds)));
  }
  await step();
  const exact = { spec: plan.spec, parameters: await applyRules(plan.rules, parameters) };
  const algebra = compare(reference, observe(exact, inputIds));
  return { reference, algebra, engineFloor, floor: medianDifference(perturbations) };
}

async function measureWritten({ inputIds, engine, ...options }: CertifyOptions, reference: Observation, step: Step) {
  const written = await options.written();
  await step();
  const stored = compare(reference, observe(written, inputIds));
  await step();
  const run = compare(reference, await observeInEngine(engine, written, inputIds));
  return { stored, run };
}

/** One phrase for each figure that is over its limit, infinite or not a number. */
export function failures({
  limits,
  ...figures
}: Pick<Measurements, 'algebra' | 'stored' | 'run' | 'limits'>): readonly string[] {
  return (['algebra', 'stored', 'run'] as const).flatMap((name) => {
    const { maxAbsLogit } = figures[name];
    // A source that overflows in the engine has an infinite limit for the run.
    if (Number.isFinite(maxAbsLogit) && maxAbsLogit <= limits[name]) return [];
    return [
      `${name} is off by up to ${maxAbsLogit.toExponential(2)} in a logit, limit ${limits[name].toExponential(2)}`,
    ];
  });
}

/**
 * The parameters of the source that are written otherwise than they were, and the type that they are rounded to: those
 * with a rule or a narrower type, and the norms' that go into the linears that read through them.
 */
function rewrittenDTypes({
  plan,
  dtypes,
  sourceDTypes,
}: Pick<CertifyOptions, 'plan' | 'dtypes' | 'sourceDTypes'>): ReadonlyMap<string, FloatDType> {
  const rewritten = new Map<string, FloatDType>();
  for (const { name, from, steps } of plan.rules) {
    const dtype = dtypes.get(name);
    if (dtype === undefined) throw new RangeError(`convert: no element type is given for ${name}`);
    const isCopy = steps.length === 0 && holdsExactly(dtype, sourceDTypes.get(name) ?? dtype);
    if (from === 'source' && !isCopy) rewritten.set(name, dtype);
    for (const folded of steps.flatMap(foldedParameters)) rewritten.set(folded, dtype);
  }
  return rewritten;
}

function holdsExactly(dtype: FloatDType, source: FloatDType): boolean {
  if (dtype === source || dtype === 'float64') return true;
  return dtype === 'float32' && source !== 'float64';
}
