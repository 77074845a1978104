import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { writeJsonAtomically } from '../core/files.ts';
import { lockFolder } from '../core/lock.ts';
import { makeFolder } from '../core/makeFolder.ts';
import { createRandom } from '../core/random.ts';
import { cpuEngine } from '../engine/index.ts';
import { countParameters, type DecoderSpec } from '../models/index.ts';
import type { Corpus } from '../text/index.ts';
import { checkpointPath, readCheckpoint } from './checkpoint.ts';
import { shapeOf, type TrainConfig } from './config.ts';
import { requireText } from './evaluation.ts';
import { type FoundRun, findRun, lockName, type RunRequest, removeRun } from './folder.ts';
import { runSteps } from './loop.ts';
import { explainingMemory, requireMemory, trainingMemory } from './memory.ts';
import { cutMetrics, type EndLine, openMetrics } from './metrics.ts';
import { trainSpec } from './model.ts';
import type { TrainOptions, TrainResult } from './options.ts';
import { runRecord } from './record.ts';
import { createEvaluator, createTrainStep, initialState } from './step.ts';

/**
 * Trains one model in a run folder, or goes on where the folder's run stopped.
 *
 * The numbers depend on the configuration and the text alone: a run that was killed and resumed gives the same ones,
 * bit for bit. Throws an `InputError` where the folder holds something else, a run with another configuration or one that
 * another process trains, where the text is too short and where memory or disk are; and the signal's reason, after
 * writing a checkpoint, when it is aborted. What was refused leaves no trace.
 */
export async function trainRun(options: TrainOptions): Promise<TrainResult> {
  const { folder, config, corpus, force = false } = options;
  requireText(config, corpus);
  const spec = trainSpec(config.model);
  const found = await findRun(options);
  if (found?.end) return resultOf(folder, spec, found.end);
  threadsOf(options, found);
  requireMemory([trainingMemory(spec, shapeOf(config))]);
  await makeFolder(folder);
  const unlock = await lockFolder(folder, { file: lockName, what: 'train', doing: 'trained' });
  try {
    // Another process may have been here until the lock was ours.
    const previous = await findRun(options);
    if (previous?.end) return resultOf(folder, spec, previous.end);
    if (force) await removeRun(folder);
    const attempt = (previous?.record.attempt ?? 0) + 1;
    const engine = { ...options.engine, threads: threadsOf(options, previous) };
    const record = runRecord(config, corpus, attempt, engine, previous?.record ?? null);
    await writeJsonAtomically(join(folder, 'run.json'), record);
    return await explainingMemory(() => train({ ...options, engine }, spec));
  } finally {
    await unlock();
  }
}

/** The result of a run that ended before, or null where there is something to train. Throws as `trainRun` does. */
export async function finishedRun(request: RunRequest): Promise<TrainResult | null> {
  const found = await findRun(request);
  return found?.end ? resultOf(request.folder, trainSpec(request.config.model), found.end) : null;
}

/** A resumed run keeps its number of threads: some products sum in another order with another one. */
function threadsOf({ folder, engine }: TrainOptions, previous: FoundRun | null): number {
  const started = previous?.record.engine.threads;
  const threads = engine?.threads ?? started ?? availableParallelism();
  if (started !== undefined && threads !== started) {
    throw new InputError(
      `train: the run in ${folder} was started with threads ${started}, and its last bits depend on that; ` +
        `use --threads ${started}, or --force to start over`,
    );
  }
  return threads;
}

function resultOf(folder: string, spec: DecoderSpec, { reason, step, finalValidationLoss }: EndLine): TrainResult {
  return { folder, reason, step, finalValidationLoss, parameters: countParameters(spec), trained: false };
}

async function train(options: TrainOptions, spec: DecoderSpec): Promise<TrainResult> {
  const { folder, config, corpus } = options;
  const engine = cpuEngine();
  const shape = shapeOf(config);
  const id = runId(config, corpus);
  const metricsPath = join(folder, 'metrics.jsonl');
  const random = createRandom(config.seed);
  const step = await createTrainStep(spec, shape, config.optimizer, engine, options.engine);
  try {
    const evaluator = await createEvaluator(spec, shape, step.chunks, engine, options.engine);
    try {
      const start = existsSync(checkpointPath(folder))
        ? await readCheckpoint(folder, id, step.chunks)
        : { state: initialState(spec, step.chunks, random.split('initialization')), step: 0 };
      await cutMetrics(metricsPath, start.step, config.schedule.steps);
      const metrics = await openMetrics(metricsPath);
      try {
        return await runSteps({ options, id, spec, engine, step, evaluator, metrics, random }, start);
      } finally {
        await metrics.close();
      }
    } finally {
      await evaluator.release();
    }
  } finally {
    await step.release();
  }
}

/** What a checkpoint must agree with: the configuration, wherever the text lies, and the text. */
function runId(config: TrainConfig, corpus: Corpus): string {
  return createHash('sha256')
    .update(JSON.stringify([{ ...config, text: null }, corpus.sha256]))
    .digest('hex');
}
