import type { FloatDType } from '../../core/dtype.ts';
import { yieldToSignals } from '../../core/interrupt.ts';
import type { Engine } from '../../engine/index.ts';
import type { DecoderSpec } from '../../models/index.ts';
import type { ParameterValues } from '../rules/apply.ts';
import { compare, compareLogits, medianDifference, type Observation } from './difference.ts';
import { floorSeeds, perturb } from './floor.ts';
import { failures, limitsOf } from './limits.ts';
import { type Decoder, type InputIds, observe, observeInEngine } from './observe.ts';
import { perplexityOf } from './perplexity.ts';
import type { Certificate, LogitDifference } from './schema.ts';

/** What is measured of two decoders; `algebra` is null where the exact weights of the second are not known. */
export type DecoderComparison = Omit<Measurements, 'algebra'> & { readonly algebra: Certificate['algebra'] | null };

/** The part of a certificate that is measured. */
export type Measurements = Pick<
  Certificate,
  'algebra' | 'stored' | 'run' | 'floor' | 'floorSeeds' | 'engineFloor' | 'perplexity' | 'limits' | 'passed'
>;

export interface MeasureOptions {
  /** With a head of its own. */
  readonly sourceSpec: DecoderSpec;
  /** Reads the source's parameters. They are let go before `written` is asked for. */
  readonly source: () => Promise<ParameterValues>;
  /** Which parameters of the source the floor perturbs, and the element type to which each is rounded. */
  readonly rewritten: (source: ParameterValues) => Promise<ReadonlyMap<string, FloatDType>>;
  /** The second decoder before its weights were rounded, where that is known. */
  readonly exact: ((source: ParameterValues) => Promise<Decoder>) | null;
  /** Reads the second decoder as it was written. */
  readonly written: () => Promise<Decoder>;
  /** Runs it as it was written, where that is a program of its own: logits `[batch, sequence, vocabularySize]`. */
  readonly runWritten?: ((spec: DecoderSpec, inputIds: InputIds) => Promise<Float64Array>) | undefined;
  readonly inputIds: InputIds;
  /** Whether the ids are text, so that the models' perplexities on them mean something. */
  readonly isText: boolean;
  readonly engine: Engine;
  readonly signal?: AbortSignal | undefined;
  /** Called before each of the model's runs. */
  readonly onRun?: ((done: number, total: number) => void) | undefined;
}

/** Measures how far a decoder is from its source, with the floors beside which that is to be seen, and judges it. */
export async function measure(options: MeasureOptions): Promise<DecoderComparison> {
  const step = stepper(options);
  const { reference, sourceRun, algebra, floor } = await measureSource(options, step);
  const engineFloor = compareLogits(reference, sourceRun);
  const written = await options.written();
  const { inputIds, engine } = options;
  await step();
  const exactly = observe(written, inputIds);
  await step();
  const fromWeights = await observeInEngine(engine, written, inputIds);
  // A program shows no stream: its means are those that the engine gives for the same weights.
  const own = await options.runWritten?.(written.spec, inputIds);
  const inEngine = own === undefined ? fromWeights : { ...fromWeights, logits: own };
  const stored = compare(reference, exactly);
  const run = compare(reference, inEngine);
  const of = (observation: Observation) => perplexityOf(observation, inputIds);
  const perplexity = options.isText
    ? { source: of(reference), stored: of(exactly), sourceRun: of(sourceRun), run: of(inEngine) }
    : null;
  const limits = limitsOf({ algebra, floor, engineFloor }, reference.logits);
  const figures = { algebra, stored, run, floor, floorSeeds, engineFloor, perplexity, limits };
  return { ...figures, passed: failures(figures).length === 0 };
}

type Step = () => Promise<void>;

function stepper({ signal = new AbortController().signal, onRun, exact }: MeasureOptions): Step {
  const total = floorSeeds + (exact === null ? 4 : 5);
  let done = 0;
  return async () => {
    await yieldToSignals(signal);
    onRun?.(done++, total);
  };
}

async function measureSource({ sourceSpec, inputIds, engine, exact, ...options }: MeasureOptions, step: Step) {
  const parameters = await options.source();
  const source = { spec: sourceSpec, parameters };
  await step();
  const reference = observe(source, inputIds);
  await step();
  const sourceRun = await observeInEngine(engine, source, inputIds);
  const rewritten = await options.rewritten(parameters);
  const perturbations: LogitDifference[] = [];
  for (let seed = 0; seed < floorSeeds; seed++) {
    await step();
    const perturbed = { spec: sourceSpec, parameters: perturb(parameters, rewritten, seed) };
    perturbations.push(compareLogits(reference, observe(perturbed, inputIds)));
  }
  const floor = medianDifference(perturbations);
  if (exact === null) return { reference, sourceRun, algebra: null, floor };
  await step();
  const algebra = compare(reference, observe(await exact(parameters), inputIds));
  return { reference, sourceRun, algebra, floor };
}
