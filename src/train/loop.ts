import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { writeFileAtomically } from '../core/files.ts';
import type { Random } from '../core/random.ts';
import type { Engine } from '../engine/index.ts';
import { countParameters, type DecoderSpec } from '../models/index.ts';
import { trainBatch } from '../text/index.ts';
import { type Checkpoint, writeCheckpoint } from './checkpoint.ts';
import { learningRateAt, shapeOf } from './config.ts';
import { evaluationBatches } from './evaluation.ts';
import { exportModel } from './export.ts';
import { finiteOrNull, type MetricsLog } from './metrics.ts';
import type { TrainOptions, TrainResult } from './options.ts';
import { sampleTexts } from './sample.ts';
import type { Evaluator, TrainState, TrainStep } from './step.ts';

/** What the steps of one attempt work with. */
export interface Work {
  readonly options: TrainOptions;
  /** What the run's checkpoints carry. */
  readonly id: string;
  readonly spec: DecoderSpec;
  readonly engine: Engine;
  readonly step: TrainStep;
  readonly evaluator: Evaluator;
  readonly metrics: MetricsLog;
  readonly random: Random;
}

/** Seconds between two moments at which the metrics can be read by others. */
const flushSeconds = 1;

/** Trains from a checkpoint to the end of the schedule, or until the loss is no number any more. */
export async function runSteps(work: Work, start: Checkpoint): Promise<TrainResult> {
  const { config, corpus, signal, onProgress, checkpointSeconds = 15 } = work.options;
  const { steps } = config.schedule;
  const curve = evaluationBatches(config, corpus, config.validation.tokens);
  const data = work.random.split('data');
  const stepTime = createAverage(50);
  const wallTime = createAverage(200);
  const lastCheckpoint = createStopwatch();
  const lastFlush = createStopwatch();
  const wall = createStopwatch();
  let { state } = start;
  let validationLoss: number | null = null;
  for (let t = start.step + 1; t <= steps; t++) {
    if (signal?.aborted) {
      await checkpoint(work, state, t - 1);
      throw signal.reason;
    }
    const stopwatch = createStopwatch();
    const learningRate = learningRateAt(t, config.schedule);
    const batch = trainBatch(corpus.train, { ...shapeOf(config), step: t - 1, random: data });
    const result = await work.step.run(state, batch, t, learningRate);
    const seconds = stopwatch.restart();
    stepTime.add(seconds);
    work.metrics.append({
      kind: 'step',
      step: t,
      loss: finiteOrNull(result.loss),
      gradNorm: finiteOrNull(result.gradNorm),
      learningRate,
      milliseconds: Math.round(1e5 * seconds) / 100,
    });
    if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradNorm)) {
      await checkpoint(work, state, t - 1);
      return await end(work, t, 'diverged', null);
    }
    state = result.state;
    if (t % config.validation.everySteps === 0 && t < steps) {
      validationLoss = await work.evaluator.run(state.parameters, curve);
      work.metrics.append({ kind: 'validation', step: t, loss: finiteOrNull(validationLoss) });
    }
    if (lastCheckpoint.seconds() > checkpointSeconds) {
      await checkpoint(work, state, t);
      lastCheckpoint.restart();
    }
    if (lastFlush.seconds() > flushSeconds) {
      await work.metrics.flush();
      lastFlush.restart();
    }
    wallTime.add(wall.restart());
    onProgress?.({
      step: t,
      steps,
      loss: result.loss,
      validationLoss,
      tokensPerSecond: (config.batch * config.model.context) / stepTime.value(),
      remainingSeconds: (steps - t) * wallTime.value(),
    });
    // Lets a signal that waits reach its handler.
    if (signal) await turn();
  }
  return await finish(work, state);
}

async function checkpoint({ options, id, step: { chunks }, metrics }: Work, state: TrainState, step: number) {
  // A checkpoint never knows of steps that the metrics could lose.
  await metrics.sync();
  await writeCheckpoint(options.folder, id, chunks, { state, step });
}

/** What follows the last step. It can be stopped anywhere: the checkpoint is written first, and leads here again. */
async function finish(work: Work, state: TrainState): Promise<TrainResult> {
  const { folder, config, corpus, signal, engine = {} } = work.options;
  const { spec, step, random } = work;
  const { steps } = config.schedule;
  await checkpoint(work, state, steps);
  const batches = evaluationBatches(config, corpus, config.validation.finalTokens);
  const loss = await work.evaluator.run(state.parameters, batches, signal);
  // The last update may have been the one too many.
  if (!Number.isFinite(loss)) return await end(work, steps, 'diverged', null);
  await exportModel(join(folder, 'model'), spec, step.chunks, state.parameters);
  if (config.samples.count > 0) {
    const texts = await sampleTexts(spec, step.chunks, state.parameters, work.engine, engine, {
      ...config.samples,
      prompts: corpus.validation,
      random: random.split('samples'),
      ...(signal === undefined ? {} : { signal }),
    });
    await writeFileAtomically(join(folder, 'samples.txt'), texts);
  }
  work.metrics.append({ kind: 'validation', step: steps, loss });
  return await end(work, steps, 'finished', loss);
}

/** Writes the line that comes last: a run that has one is complete. */
async function end(
  { options, spec, metrics }: Work,
  step: number,
  reason: TrainResult['reason'],
  finalValidationLoss: number | null,
): Promise<TrainResult> {
  metrics.append({ kind: 'end', step, reason, finalValidationLoss });
  await metrics.sync();
  const parameters = countParameters(spec);
  return { folder: options.folder, reason, step, finalValidationLoss, parameters, trained: true };
}

/** The mean of all values while they are few, of about the last `count` later. */
function createAverage(count: number): { add(value: number): void; value(): number } {
  let average = 0;
  let added = 0;
  return {
    add(value) {
      added += 1;
      average += (value - average) / Math.min(added, count);
    },
    value: () => average,
  };
}

/** Seconds since the start or the last restart. */
function createStopwatch(): { seconds(): number; restart(): number } {
  let started = performance.now();
  return {
    seconds: () => (performance.now() - started) / 1000,
    restart() {
      const seconds = (performance.now() - started) / 1000;
      started = performance.now();
      return seconds;
    },
  };
}
