import { join } from 'node:path';
import { mean, spikeScore } from '../core/statistics/index.ts';
import { readMetrics } from './metrics.ts';
import { readRunRecord } from './record.ts';

/** What a run folder says about a run that ended. Losses in nats per token; a byte is a token. */
export interface RunOutcome {
  readonly folder: string;
  readonly norm: string;
  readonly seed: number;
  readonly reason: 'finished' | 'diverged';
  readonly steps: number;
  readonly finalValidationLoss: number | null;
  readonly validationCurve: readonly { readonly step: number; readonly loss: number }[];
  /** Of the steps whose loss and gradient are finite, in order. */
  readonly losses: Float64Array;
  readonly gradNorms: Float64Array;
  readonly meanGradNorm: number | null;
  /** Per cent of steps at least 7 standard deviations from the mean of the 1,000 before [OLMo 2 §3]; null before there are 1,000. */
  readonly gradNormSpikeScore: number | null;
  readonly lossSpikeScore: number | null;
  /** The steps, counted from 1, at which the gradient's norm is a spike. */
  readonly spikeSteps: readonly number[];
  readonly tokensPerSecond: number;
}

/** Reads a run folder; null for a run that has not ended. */
export async function readOutcome(folder: string): Promise<RunOutcome | null> {
  const record = await readRunRecord(folder);
  const lines = await readMetrics(join(folder, 'metrics.jsonl'));
  const end = lines.at(-1);
  if (end?.kind !== 'end') return null;
  const steps = lines.filter((line) => line.kind === 'step');
  const complete = steps.filter((line) => line.loss !== null && line.gradNorm !== null);
  const losses = Float64Array.from(complete, (line) => line.loss ?? Number.NaN);
  const gradNorms = Float64Array.from(complete, (line) => line.gradNorm ?? Number.NaN);
  const spikes = spikeScore(gradNorms);
  const { batch, model, seed } = record.config;
  const milliseconds = steps.reduce((total, line) => total + line.milliseconds, 0);
  return {
    folder,
    norm: model.norm,
    seed,
    reason: end.reason,
    steps: steps.length,
    finalValidationLoss: end.finalValidationLoss,
    validationCurve: lines.flatMap((line) =>
      line.kind === 'validation' && line.loss !== null ? [{ step: line.step, loss: line.loss }] : [],
    ),
    losses,
    gradNorms,
    meanGradNorm: gradNorms.length === 0 ? null : mean(gradNorms),
    gradNormSpikeScore: spikes?.score ?? null,
    lossSpikeScore: spikeScore(losses)?.score ?? null,
    spikeSteps: (spikes?.spikes ?? []).flatMap((index) => complete[index]?.step ?? []),
    tokensPerSecond: (1000 * steps.length * batch * model.context) / milliseconds,
  };
}
