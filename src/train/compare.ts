import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { normKind } from '../norms/index.ts';
import type { Corpus } from '../text/index.ts';
import { baseline, type Comparison, summarize } from './comparison.ts';
import { parseConfig, type TrainConfig } from './config.ts';
import { loadCorpus } from './corpus.ts';
import { type RunOutcome, readOutcome } from './outcome.ts';
import { type Job, runJobs } from './pool.ts';
import type { TrainProgress } from './run.ts';

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
  const { folder, seeds } = options;
  const norms = [...new Set([baseline, ...options.norms.map((id) => normKind(id).id)])];
  if (seeds.length === 0) throw new InputError('compare: no seed was named');
  if (new Set(seeds).size !== seeds.length) throw new InputError('compare: a seed is named twice');
  const corpus = options.corpus ?? (await loadCorpus(options.config.text));
  await mkdir(folder, { recursive: true });
  const jobs = seeds.flatMap((seed) =>
    norms.map((norm): Job => {
      const config = parseConfig({ ...options.config, seed, model: { ...options.config.model, norm } }, 'compare');
      return { folder: join(folder, `${norm}-seed${seed}`), config };
    }),
  );
  const report = createReporter(jobs, options.onProgress);
  await runJobs(jobs, {
    corpus,
    processes: options.processes ?? (canFork() ? availableParallelism() : 0),
    threads: options.threads ?? 1,
    force: options.force ?? false,
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
