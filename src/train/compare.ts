import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { normKind } from '../norms/index.ts';
import type { Corpus } from '../text/index.ts';
import { baseline, type Comparison, summarize } from './comparison.ts';
import { parseConfig, shapeOf, type TrainConfig } from './config.ts';
import { loadCorpus } from './corpus.ts';
import { requireText } from './evaluation.ts';
import { requireMemory, trainingMemory } from './memory.ts';
import { trainSpec } from './model.ts';
import type { TrainProgress } from './options.ts';
import { type RunOutcome, readOutcome } from './outcome.ts';
import { type Job, runJobs } from './pool.ts';
import { finishedRun } from './run.ts';

export interface CompareOptions {
  /** Where the run folders go, `<norm>-seed<seed>` each. */
  readonly folder: string;
  readonly norms: readonly string[];
  readonly seeds: readonly number[];
  /** What all runs have in common; norm and seed are put in. */
  readonly config: TrainConfig;
  /** Differences up to this count as none, nats per token. */
  readonly margin?: number;
  /** Default: one single-threaded process for each processor. */
  readonly processes?: number;
  readonly threads?: number;
  readonly force?: boolean;
  readonly corpus?: Corpus;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CompareProgress) => void;
}

export interface CompareProgress {
  readonly finishedRuns: number;
  readonly runs: number;
  /** The runs that go on now. */
  readonly active: readonly { readonly name: string; readonly progress: TrainProgress }[];
  /** Estimated from the steps done so far; null at first. */
  readonly remainingSeconds: number | null;
}

/**
 * Trains every norm with every seed on the same batches and compares them with LayerNorm, seed by seed.
 *
 * Runs that ended are taken as they are and interrupted ones go on, so that a comparison can be stopped and started
 * at will. Seeds are finished one after the other, all norms of one first.
 */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const { seeds, force = false } = options;
  const norms = [...new Set([baseline, ...options.norms.map((id) => normKind(id).id)])];
  if (seeds.length === 0) throw new InputError('compare: no seed was named');
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) !== i);
  if (twice !== undefined) throw new InputError(`compare: the seed ${twice} is named twice`);
  const jobs = seeds.flatMap((seed) => norms.map((norm) => jobOf(options, norm, seed)));
  const corpus = options.corpus ?? (await loadCorpus(options.config.text));
  requireText(options.config, corpus);
  const processes = options.processes ?? (canFork() ? availableParallelism() : 0);
  // All folders are looked at before anything is trained: what is in the way is said at once.
  const open: Job[] = [];
  for (const job of jobs) if ((await finishedRun({ ...job, corpus, force })) === null) open.push(job);
  const needs = open.map(({ config }) => trainingMemory(trainSpec(config.model), shapeOf(config)));
  requireMemory(needs.toSorted((a, b) => b - a).slice(0, Math.max(1, processes)));
  const report = createReporter(jobs, options.onProgress);
  await runJobs(jobs, {
    corpus,
    processes,
    threads: options.threads ?? 1,
    force,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...report,
  });
  const outcomes: RunOutcome[] = [];
  for (const job of jobs) {
    const outcome = await readOutcome(job.folder);
    if (outcome !== null) outcomes.push(outcome);
  }
  return summarize(outcomes, { norms, seeds, ...(options.margin === undefined ? {} : { margin: options.margin }) });
}

function jobOf({ folder, config }: CompareOptions, norm: string, seed: number): Job {
  // An epsilon is for the norms that have one.
  const epsilon = normKind(norm).epsilonPlacement === 'none' ? null : config.model.epsilon;
  return {
    folder: join(folder, `${norm}-seed${seed}`),
    config: parseConfig({ ...config, seed, model: { ...config.model, norm, epsilon } }, 'compare'),
  };
}

/** Workers are started from compiled code only. */
function canFork(): boolean {
  return import.meta.url.endsWith('.js');
}

function createReporter(jobs: readonly Job[], onProgress: CompareOptions['onProgress']) {
  const started = performance.now();
  const active = new Map<Job, TrainProgress>();
  const first = new Map<Job, number>();
  const totalSteps = jobs.reduce((total, job) => total + job.config.schedule.steps, 0);
  let finishedRuns = 0;
  let finishedSteps = 0;
  let stepsTrained = 0;
  const emit = () => {
    const running = [...active].reduce((total, [job, { step }]) => total + step - (first.get(job) ?? step), 0);
    const done = finishedSteps + [...active.values()].reduce((total, { step }) => total + step, 0);
    const trained = stepsTrained + running;
    const seconds = (performance.now() - started) / 1000;
    onProgress?.({
      finishedRuns,
      runs: jobs.length,
      active: [...active].map(([job, progress]) => ({
        name: `${job.config.model.norm} seed ${job.config.seed}`,
        progress,
      })),
      remainingSeconds: trained === 0 ? null : ((totalSteps - done) * seconds) / trained,
    });
  };
  return {
    onProgress(job: Job, progress: TrainProgress) {
      if (!first.has(job)) first.set(job, progress.step - 1);
      active.set(job, progress);
      emit();
    },
    onEnd(job: Job) {
      finishedRuns += 1;
      finishedSteps += job.config.schedule.steps;
      if (first.has(job)) stepsTrained += job.config.schedule.steps - (first.get(job) ?? 0);
      active.delete(job);
      emit();
    },
  };
}
