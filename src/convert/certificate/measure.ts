import type { FloatDType } from '../../core/dtype.ts';
import { yieldToSignals } from '../../core/interrupt.ts';
import type { Engine } from '../../engine/index.ts';
import type { Value } from '../../graph/index.ts';
import type { DecoderSpec } from '../../models/index.ts';
import type { Parameters } from '../rules/steps.ts';
import { startArithmetic } from './arithmetic.ts';
import { type Decoder, type InputIds, readNarrowed, withHead } from './decoder.ts';
import { medianDifference } from './difference.ts';
import { floorSeeds } from './floor.ts';
import { failures, limitsOf } from './limits.ts';
import type { LogitBlock } from './logits.ts';
import { advance, type Run, type Runs, runsOf, type StageGraph, stageGraph } from './runs.ts';
import type { Certificate, Difference } from './schema.ts';
import { parametersOf, type Stage, stageElements, stagesOf } from './stages.ts';

/** What is measured of two decoders; `algebra` is null where the exact weights of the second are not known. */
export type DecoderComparison = Omit<Measurements, 'algebra'> & { readonly algebra: Certificate['algebra'] | null };

/** The part of a certificate that is measured. */
export type Measurements = Pick<
  Certificate,
  'algebra' | 'stored' | 'run' | 'floor' | 'floorSeeds' | 'engineFloor' | 'perplexity' | 'limits' | 'passed'
>;

export interface MeasureOptions {
  readonly source: Decoder;
  /** Which parameters of the source, its head by itself, the floor perturbs, and the element type to which each is rounded. */
  readonly rewritten: ReadonlyMap<string, FloatDType>;
  /** The second decoder before its weights were rounded, made from the parameters of the source, where that is known. */
  readonly exact: ((source: Parameters) => Decoder) | null;
  /** The second decoder as it was written. */
  readonly written: Decoder;
  /** Runs it as it was written, where that is a program of its own: logits `[batch, sequence, vocabularySize]`. */
  readonly runWritten?: ((spec: DecoderSpec, inputIds: InputIds) => Promise<Float64Array>) | undefined;
  readonly inputIds: InputIds;
  /** Whether the ids are text, so that the models' perplexities on them mean something. */
  readonly isText: boolean;
  readonly engine: Engine;
  readonly signal?: AbortSignal | undefined;
  /** Called with the share that is done, from 0 to 1. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/**
 * Measures how far a decoder is from its source, with the floors beside which that is to be seen, and judges it.
 *
 * All runs go through their decoders together, stage by stage, so that no more of the weights than those of a stage are in
 * memory: `certificateBytes` says how much that takes.
 */
export async function measure(options: MeasureOptions): Promise<DecoderComparison> {
  const arithmetic = startArithmetic(options.engine);
  try {
    const source = withHead(options.source);
    const held = new Map<string, Value>();
    const runs = runsOf({ ...options, source, written: withHead(options.written) }, arithmetic, held);
    const largestLogit = await runThrough(runs, held, { ...options, source });
    return figuresOf(runs, largestLogit, options.isText);
  } finally {
    await arithmetic.release();
  }
}

/** Takes all runs through all stages. Gives the largest |logit| of the source. */
async function runThrough(runs: Runs, held: Map<string, Value>, options: MeasureOptions): Promise<number> {
  const { source, inputIds } = options;
  // A program shows no stream: its means are those that the engine gives for the same weights.
  const ofProgram = await options.runWritten?.(runs.run.spec, inputIds);
  const { reference, sourceRun, perturbed, algebra, stored, run } = runs;
  const ofSource = [reference, sourceRun, ...perturbed, ...(algebra === null ? [] : [algebra])];
  const ofWritten = [stored, run];
  const stages = stagesOf(source.spec, inputIds);
  const elements = stages.map((stage) => stageElements(parametersOf(source.spec, stage, inputIds)));
  const step = stepper(options, (ofSource.length + ofWritten.length) * elements.reduce((a, b) => a + b, 0));
  let largestLogit = 0;
  for (const [i, stage] of stages.entries()) {
    const graphs = new Map<DecoderSpec, StageGraph>();
    let expected: LogitBlock | undefined;
    const take = async (each: Run) => {
      const graph = graphs.get(each.spec) ?? stageGraph(each.spec, stage, inputIds);
      graphs.set(each.spec, graph);
      const output = await advance(each, stage.piece, graph, inputIds);
      if (stage.piece.kind === 'logits') {
        const isProgram = each === run && ofProgram !== undefined;
        const block = each.tally.add(isProgram ? columnsOf(ofProgram, source.spec, stage) : output.data);
        expected ??= block;
        each.comparison.add(expected, block);
      }
      await step(elements[i] ?? 0);
    };
    for (const parameter of parametersOf(source.spec, stage, inputIds)) {
      held.set(parameter.name, await readNarrowed(source.parameters, parameter));
    }
    for (const each of ofSource) await take(each);
    // What the other model needs does not come on top of this.
    held.clear();
    for (const each of ofWritten) await take(each);
    largestLogit = largest(expected?.logits ?? [], largestLogit);
  }
  return largestLogit;
}

/** The logits of a stage's ids among those of the whole vocabulary, position by position. */
function columnsOf(logits: Float64Array, { vocabularySize }: DecoderSpec, { ids }: Stage): Float64Array {
  const { start, end } = ids ?? { start: 0, end: vocabularySize };
  const columns = new Float64Array((logits.length / vocabularySize) * (end - start));
  for (let at = 0, to = 0; at < logits.length; at += vocabularySize, to += end - start) {
    columns.set(logits.subarray(at + start, at + end), to);
  }
  return columns;
}

function largest(values: ArrayLike<number>, least: number): number {
  let most = least;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i] ?? Number.NaN));
  return most;
}

/** Tells how much is done, in elements of weights times runs, and lets signals be served. */
function stepper({ signal = new AbortController().signal, onProgress }: MeasureOptions, total: number) {
  let done = 0;
  return async (elements: number) => {
    done += elements;
    onProgress?.(done / total);
    await yieldToSignals(signal);
  };
}

function figuresOf(runs: Runs, largestLogit: number, isText: boolean): DecoderComparison {
  const { reference, sourceRun, perturbed, algebra, stored, run } = runs;
  const compared = ({ comparison, residualMeans }: Run): Difference => ({
    ...comparison.difference(),
    residualMeans: { before: [...reference.residualMeans], after: [...residualMeans] },
  });
  const perplexity = ({ tally }: Run) => tally.perplexity();
  const figures = {
    algebra: algebra === null ? null : compared(algebra),
    stored: compared(stored),
    run: compared(run),
    floor: medianDifference(perturbed.map(({ comparison }) => comparison.difference())),
    floorSeeds,
    engineFloor: sourceRun.comparison.difference(),
    perplexity: isText
      ? {
          source: perplexity(reference),
          stored: perplexity(stored),
          sourceRun: perplexity(sourceRun),
          run: perplexity(run),
        }
      : null,
  };
  const limits = limitsOf(figures, largestLogit);
  return { ...figures, limits, passed: failures({ ...figures, limits }).length === 0 };
}
