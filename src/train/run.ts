import { mkdir, readdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { writeFileAtomically, writeJsonAtomically } from '../core/files.ts';
import { yieldToSignals } from '../core/interrupt.ts';
import { createRandom, type Random } from '../core/random.ts';
import { cpuEngine, type Engine, type EngineOptions } from '../engine/index.ts';
import { countParameters, type DecoderSpec } from '../models/index.ts';
import { type Batch, type Corpus, trainBatch, validationBatches } from '../text/index.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { learningRateAt, type TrainConfig } from './config.ts';
import { exportModel } from './export.ts';
import { lockRun } from './lock.ts';
import { finiteOrNull, type MetricsLog, openMetrics, readMetrics, truncateMetrics } from './metrics.ts';
import { initialParameter, trainSpec } from './model.ts';
import type { Chunk } from './packing.ts';
import { type RunRecord, readRunRecord, runRecord } from './record.ts';
import { sampleTexts } from './sample.ts';
import { createEvaluator, createTrainStep, type Evaluator, type TrainState, type TrainStep } from './step.ts';

export interface TrainOptions {
  readonly folder: string;
  readonly config: TrainConfig;
  readonly corpus: Corpus;
  readonly engine?: EngineOptions;
  /** Starts over where the folder holds a run already. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Seconds between two checkpoints; default 15. */
  readonly checkpointSeconds?: number;
}

export interface TrainProgress {
  readonly step: number;
  readonly steps: number;
  /** Nats per token, of the last batch. */
  readonly loss: number;
  readonly validationLoss: number | null;
  readonly tokensPerSecond: number;
  readonly remainingSeconds: number;
}

export interface TrainResult {
  readonly folder: string;
  readonly reason: 'finished' | 'diverged';
  readonly step: number;
  /** Nats per token on held-out text; null where the run diverged. */
  readonly finalValidationLoss: number | null;
  readonly parameters: number;
  /** False where the run had been finished before. */
  readonly trained: boolean;
}

/**
 * Trains one model in a run folder, or goes on where the folder's run stopped.
 *
 * The numbers depend on the configuration and the text alone: a run that was killed and resumed gives the same ones,
 * bit for bit. Throws an `InputError` where the folder holds something else or a run
 * with another configuration, and the signal's reason after writing a checkpoint when it is aborted.
 */
export async function trainRun(options: TrainOptions): Promise<TrainResult> {
  const { folder, config, corpus } = options;
  const spec = trainSpec(config.model);
  const previous = await prepareFolder(options);
  const unlock = await lockRun(folder);
  try {
    const finished = previous === null ? null : await finishedResult(folder, spec);
    if (finished !== null) return finished;
    const attempt = (previous?.attempt ?? 0) + 1;
    const engine = { ...options.engine, threads: threadsOf(options, previous) };
    await writeJsonAtomically(join(folder, 'run.json'), runRecord(config, corpus, attempt, engine, previous));
    return await train({ ...options, engine }, spec, attempt > 1);
  } finally {
    await unlock();
  }
}

/** A resumed run keeps its number of threads: some products sum in another order with another one. */
function threadsOf({ folder, engine }: TrainOptions, previous: RunRecord | null): number {
  const threads = engine?.threads ?? previous?.engine.threads ?? availableParallelism();
  if (previous !== null && threads !== previous.engine.threads) {
    throw new InputError(
      `train: the run in ${folder} was started with ${previous.engine.threads} threads, and its last bits depend on that; ` +
        `use --threads ${previous.engine.threads}, or --force to start over`,
    );
  }
  return threads;
}

/** Checks what is in the folder; the record of its run, or null for a new one. */
async function prepareFolder({ folder, config, corpus, force = false }: TrainOptions): Promise<RunRecord | null> {
  const names = await readdir(folder).catch((): string[] => []);
  if (names.length > 0 && !names.includes('run.json')) {
    throw new InputError(`train: ${folder} holds something that is no run (${names[0]}); name another folder`);
  }
  if (names.length > 0 && force) {
    await rm(folder, { recursive: true, force: true });
    names.length = 0;
  }
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new InputError(`train: ${folder} can't be made: ${error instanceof Error ? error.message : String(error)}`);
  });
  if (names.length === 0) return null;
  const record = await readRunRecord(folder);
  const difference = firstDifference(record.config, config);
  if (difference !== null) {
    throw new InputError(
      `train: ${folder} holds a run with another ${difference}; name another folder, or --force to start over`,
    );
  }
  if (record.corpus.sha256 !== corpus.sha256) {
    throw new InputError(
      `train: the text differs from the one that the run in ${folder} was started with; restore it, or --force to start over`,
    );
  }
  return record;
}

/** The path of the first value in which two configurations differ, with both values; null where they are the same. */
export function firstDifference(a: unknown, b: unknown, path = ''): string | null {
  if (Object.is(a, b)) return null;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return `${path} (${JSON.stringify(a)}, now ${JSON.stringify(b)})`;
  }
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const difference = firstDifference(left.get(key), right.get(key), path === '' ? key : `${path}.${key}`);
    if (difference !== null) return difference;
  }
  return null;
}

async function finishedResult(folder: string, spec: DecoderSpec): Promise<TrainResult | null> {
  const last = (await readMetrics(join(folder, 'metrics.jsonl'))).at(-1);
  if (last?.kind !== 'end') return null;
  return {
    folder,
    reason: last.reason,
    step: last.step,
    finalValidationLoss: last.finalValidationLoss,
    parameters: countParameters(spec),
    trained: false,
  };
}

interface Work {
  readonly options: TrainOptions;
  readonly spec: DecoderSpec;
  readonly engine: Engine;
  readonly step: TrainStep;
  readonly evaluator: Evaluator;
  readonly metrics: MetricsLog;
  readonly random: Random;
}

async function train(options: TrainOptions, spec: DecoderSpec, resumed: boolean): Promise<TrainResult> {
  const { folder, config, corpus } = options;
  const engine = cpuEngine();
  const shape = { batch: config.batch, context: config.model.context };
  // Both batches are cut before anything is compiled, so that a text that is too short is refused at once.
  trainBatch(corpus.train, { ...shape, step: 0, random: createRandom(0) });
  validationBatches(corpus.validation, { ...shape, limit: 1 });
  const step = await createTrainStep(spec, shape, config.optimizer, engine, options.engine);
  const random = createRandom(config.seed);
  const start = resumed ? await resumeFrom(folder, step.chunks) : null;
  const begin = start ?? { state: initialState(spec, step.chunks, random.split('initialization')), step: 0 };
  await truncateMetrics(join(folder, 'metrics.jsonl'), start?.step ?? -1);
  const metrics = await openMetrics(join(folder, 'metrics.jsonl'));
  const evaluator = await createEvaluator(spec, shape, step.chunks, engine, options.engine);
  const work: Work = { options, spec, engine, step, evaluator, metrics, random };
  try {
    return await runSteps(work, begin.state, begin.step);
  } finally {
    await metrics.close();
    await step.release();
    await evaluator.release();
  }
}

/** The checkpoint, or null where the run was stopped before the first one. */
async function resumeFrom(
  folder: string,
  chunks: readonly Chunk[],
): Promise<{ readonly state: TrainState; readonly step: number } | null> {
  const names = await readdir(join(folder, 'checkpoint')).catch((): string[] => []);
  return names.includes('state.safetensors') ? await readCheckpoint(folder, chunks) : null;
}

function initialState(spec: DecoderSpec, chunks: readonly Chunk[], random: Random): TrainState {
  const zeros = () => chunks.map((chunk) => new Float32Array(chunk.size));
  const parameters = chunks.map((chunk) => {
    const flat = new Float32Array(chunk.size);
    let start = 0;
    for (const member of chunk.members) {
      const values = initialParameter(spec, member, random);
      flat.set(values, start);
      start += values.length;
    }
    return flat;
  });
  return { parameters, firstMoments: zeros(), secondMoments: zeros() };
}

async function runSteps(work: Work, initial: TrainState, firstStep: number): Promise<TrainResult> {
  const { config, corpus, signal, onProgress, folder, checkpointSeconds = 15 } = work.options;
  const { steps } = config.schedule;
  const curve = evaluationBatches(config, corpus, config.validation.tokens);
  const data = work.random.split('data');
  const checkpoint = async (state: TrainState, step: number) => {
    await work.metrics.sync();
    await writeCheckpoint(folder, work.step.chunks, state, step);
  };
  let state = initial;
  let lastCheckpoint = performance.now();
  let validationLoss: number | null = null;
  const speed = createSpeedometer();
  for (let t = firstStep + 1; t <= steps; t++) {
    if (signal?.aborted) {
      await checkpoint(state, t - 1);
      signal.throwIfAborted();
    }
    const started = performance.now();
    const learningRate = learningRateAt(t, config.schedule);
    const batch = trainBatch(corpus.train, {
      batch: config.batch,
      context: config.model.context,
      step: t - 1,
      random: data,
    });
    const result = await work.step.run(state, batch, t, learningRate);
    const milliseconds = performance.now() - started;
    speed.add(milliseconds);
    work.metrics.append({
      kind: 'step',
      step: t,
      loss: finiteOrNull(result.loss),
      gradNorm: finiteOrNull(result.gradNorm),
      learningRate,
      milliseconds: Math.round(milliseconds * 100) / 100,
    });
    if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradNorm))
      return await finish(work, state, t, 'diverged');
    state = result.state;
    if (t % config.validation.everySteps === 0 && t < steps) {
      validationLoss = await work.evaluator.run(state.parameters, curve);
      work.metrics.append({ kind: 'validation', step: t, loss: finiteOrNull(validationLoss) });
    }
    onProgress?.({
      step: t,
      steps,
      loss: result.loss,
      validationLoss,
      tokensPerSecond: (1000 * config.batch * config.model.context) / speed.milliseconds(),
      remainingSeconds: ((steps - t) * speed.milliseconds()) / 1000,
    });
    if (performance.now() - lastCheckpoint > 1000 * checkpointSeconds) {
      await checkpoint(state, t);
      lastCheckpoint = performance.now();
    }
    if (signal) await yieldToSignalsQuietly();
  }
  return await finish(work, state, steps, 'finished');
}

/** Lets a signal that waits reach its handler; what it asks for is done at the top of the loop. */
async function yieldToSignalsQuietly(): Promise<void> {
  await yieldToSignals(new AbortController().signal);
}

async function finish(
  work: Work,
  state: TrainState,
  step: number,
  reason: TrainResult['reason'],
): Promise<TrainResult> {
  const { folder, config, corpus } = work.options;
  const loss =
    reason === 'finished'
      ? finiteOrNull(
          await work.evaluator.run(state.parameters, evaluationBatches(config, corpus, config.validation.finalTokens)),
        )
      : null;
  await work.metrics.sync();
  await writeCheckpoint(folder, work.step.chunks, state, reason === 'finished' ? step : step - 1);
  if (reason === 'finished') {
    await exportModel(join(folder, 'model'), work.spec, work.step.chunks, state.parameters);
    if (config.samples.count > 0) {
      const texts = await sampleTexts(
        work.spec,
        work.step.chunks,
        state.parameters,
        work.engine,
        work.options.engine ?? {},
        {
          ...config.samples,
          prompts: corpus.validation,
          random: work.random.split('samples'),
        },
      );
      await writeFileAtomically(join(folder, 'samples.txt'), texts);
    }
  }
  // The end line comes last: a run that has one is complete.
  work.metrics.append({ kind: 'validation', step, loss });
  work.metrics.append({ kind: 'end', step, reason, finalValidationLoss: loss });
  await work.metrics.sync();
  return { folder, reason, step, finalValidationLoss: loss, parameters: countParameters(work.spec), trained: true };
}

/** As many held-out batches as hold the given number of tokens, at least one. */
function evaluationBatches(config: TrainConfig, corpus: Corpus, tokens: number): readonly Batch[] {
  const { batch, model } = config;
  const limit = Math.max(1, Math.round(tokens / (batch * model.context)));
  return validationBatches(corpus.validation, { batch, context: model.context, limit });
}

/** The time of a step, averaged over about the last fifty. */
function createSpeedometer(): { add(milliseconds: number): void; milliseconds(): number } {
  let average = 0;
  let count = 0;
  return {
    add(milliseconds) {
      count += 1;
      average += (milliseconds - average) / Math.min(count, 50);
    },
    milliseconds: () => average,
  };
}
