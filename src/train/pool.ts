import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { exitCodes, InputError, messageOf } from '../core/errors.ts';
import type { Corpus } from '../text/index.ts';
import type { TrainConfig } from './config.ts';
import type { TrainProgress } from './options.ts';
import { finishedRun, trainRun } from './run.ts';

/** One run of a comparison. */
export interface Job {
  readonly folder: string;
  readonly config: TrainConfig;
}

export interface PoolOptions {
  readonly corpus: Corpus;
  /** How many runs go on at the same time, each in a process of its own. 0 trains in this process, one by one. */
  readonly processes: number;
  /** Threads of each run. */
  readonly threads: number;
  readonly force: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress: (job: Job, progress: TrainProgress) => void;
  readonly onEnd: (job: Job) => void;
}

/** What the parent sends to a worker. */
export interface WorkerTask {
  readonly job: Job;
  readonly threads: number;
  readonly force: boolean;
  /** SHA-256 of the text that the other runs of the comparison train on. */
  readonly sha256: string;
}

/** What a worker sends back. */
export type WorkerMessage =
  | { readonly kind: 'progress'; readonly progress: TrainProgress }
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly message: string };

/** Runs jobs in order, several at a time. The first one that fails stops the others, which write checkpoints. */
export async function runJobs(jobs: readonly Job[], options: PoolOptions): Promise<void> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const waiting = [...jobs];
  const work = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      signal.throwIfAborted();
      await (options.processes === 0 ? runHere(job, options, signal) : runInProcess(job, options, signal));
      options.onEnd(job);
    }
  };
  const workers = Array.from({ length: Math.max(1, Math.min(options.processes, jobs.length)) }, () =>
    work().catch((error: unknown) => {
      stop.abort(error);
      throw error;
    }),
  );
  // All are waited for, so that none still writes when the caller goes on.
  const results = await Promise.allSettled(workers);
  const failure = results.find((result) => result.status === 'rejected');
  if (options.signal?.aborted) throw options.signal.reason;
  if (stop.signal.aborted) throw stop.signal.reason;
  if (failure !== undefined) throw failure.reason;
}

async function runHere(job: Job, options: PoolOptions, signal: AbortSignal): Promise<void> {
  await trainRun({
    ...job,
    corpus: options.corpus,
    engine: { threads: options.threads },
    force: options.force,
    signal,
    onProgress: (progress) => options.onProgress(job, progress),
  });
}

/** Trains in a child process: two runs on one thread each get more done than one after the other on two. */
async function runInProcess(job: Job, options: PoolOptions, signal: AbortSignal): Promise<void> {
  if (await finishedRun({ ...job, corpus: options.corpus, force: options.force })) return;
  signal.throwIfAborted();
  const child = fork(fileURLToPath(new URL('./worker.js', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  let refusal: string | undefined;
  let done = false;
  child.stderr?.on('data', (text: Buffer) => {
    errors += text.toString();
  });
  child.on('message', (message: WorkerMessage) => {
    if (message.kind === 'progress') options.onProgress(job, message.progress);
    if (message.kind === 'refused') refusal = message.message;
    if (message.kind === 'done') done = true;
  });
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', (error) => reject(new Error(`train: a worker can't be started: ${messageOf(error)}`)));
      child.once('close', () => resolve());
      const task: WorkerTask = { job, threads: options.threads, force: options.force, sha256: options.corpus.sha256 };
      child.send(task, (error) => {
        if (error !== null) child.kill('SIGKILL');
      });
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
  if (refusal !== undefined) throw new InputError(refusal);
  if (done) return;
  signal.throwIfAborted();
  const { signalCode, exitCode } = child;
  const what = `train: the process that trained ${job.folder}`;
  const goOn = 'run the command again to go on';
  if (exitCode === exitCodes.interrupted) throw new InputError(`${what} was stopped; ${goOn}`);
  if (signalCode !== null && endedFromOutside.includes(signalCode)) {
    throw new InputError(
      `${what} was ended by ${signalCode}: somebody stopped it, or the system for want of memory; ${goOn}, with fewer --processes`,
    );
  }
  throw new Error(`${what} died (${signalCode ?? `exit code ${exitCode}`}): ${errors.trim() || 'no message'}`);
}

/** SIGABRT is how V8 and the engine end where an allocation fails. */
const endedFromOutside: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGABRT'];
