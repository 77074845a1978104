import { countParameters } from '../models/index.ts';
import { normKind } from '../norms/index.ts';
import type { NormRuns, TrainingResults } from '../report/index.ts';
import { byteEntropies, type Corpus } from '../text/index.ts';
import { type Comparison, type NormSummary, type RunOutcome, type TrainConfig, trainSpec } from '../train/index.ts';

/** A comparison in the form of the report. */
export function trainingResults(comparison: Comparison, config: TrainConfig, corpus: Corpus): TrainingResults {
  const { model, schedule, optimizer, batch } = config;
  const entropies = byteEntropies(corpus.train);
  return {
    model: {
      layers: model.layers,
      hiddenSize: model.hiddenSize,
      heads: model.heads,
      context: model.context,
      vocabularySize: model.vocabularySize,
      parameters: countParameters(trainSpec({ ...model, norm: 'layernorm' })),
    },
    optimizer: {
      name: 'AdamW',
      learningRate: schedule.learningRate,
      batch,
      steps: schedule.steps,
      tokensPerRun: schedule.steps * batch * model.context,
      other: {
        placement: model.placement,
        schedule: `cosine to ${schedule.finalFraction} of the peak`,
        'warm-up steps': schedule.warmupSteps,
        betas: `${optimizer.beta1}, ${optimizer.beta2}`,
        'weight decay': optimizer.weightDecay,
        'gradient clipping': optimizer.clip ?? 'none',
      },
    },
    corpus: {
      name: corpus.name,
      bytes: corpus.train.length,
      unigramEntropy: entropies.unigram,
      bigramEntropy: entropies.bigram,
    },
    seeds: comparison.seeds,
    baseline: 'layernorm',
    norms: comparison.norms.map(normRuns),
    missing: comparison.missing,
  };
}

function normRuns({ norm, runs, meanFinalLoss, sdFinalLoss, paired }: NormSummary): NormRuns {
  return { id: norm, name: normKind(norm).name, runs: runs.map(run), meanFinalLoss, sdFinalLoss, paired };
}

function run(outcome: RunOutcome): NormRuns['runs'][number] {
  return {
    seed: outcome.seed,
    finalValidationLoss: outcome.finalValidationLoss,
    validationCurve: outcome.validationCurve,
    gradNorms: thin(outcome.gradNorms, new Set(outcome.spikeSteps), 200),
    spikeSteps: outcome.spikeSteps,
    gradNormSpikeScore: outcome.gradNormSpikeScore,
    lossSpikeScore: outcome.lossSpikeScore,
    meanGradNorm: outcome.meanGradNorm,
    tokensPerSecond: outcome.tokensPerSecond,
    diverged: outcome.reason === 'diverged',
  };
}

/** About `count` of the values, evenly spaced, the first and last among them, and every spike. */
function thin(
  values: Float64Array,
  spikes: ReadonlySet<number>,
  count: number,
): { readonly step: number; readonly value: number }[] {
  const stride = Math.max(1, Math.ceil(values.length / count));
  return Array.from(values, (value, i) => ({ step: i + 1, value })).filter(
    ({ step }) => (step - 1) % stride === 0 || step === values.length || spikes.has(step),
  );
}
