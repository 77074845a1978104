import { confidenceInterval, fixed, percent, plural, pValue, signed } from '../format.ts';
import type { NormRuns, PairedDifference, StudyResults, TrainingResults } from '../results.ts';

export type Verdict = 'equal' | 'layernorm-better' | 'rmsnorm-better' | 'undecided' | 'not-measured';

export interface Quality {
  readonly verdict: Verdict;
  /** One sentence for the headline. */
  readonly short: string;
  readonly sentences: readonly string[];
  /** The number of seeds the verdict rests on: those that finished with both norms, or where one norm always diverged, its runs. */
  readonly pairs: number;
  /** The p-value of the test that decided, where one did. */
  readonly decidingPValue: number | null;
  /** Runs of either norm that diverged. */
  readonly diverged: number;
}

/**
 * Which of LayerNorm and RMSNorm trained to the lower validation loss.
 *
 * 1. All runs of one norm (two or more) diverged and none of the other: the other is better.
 * 2. A different number of runs diverged: undecided, because the pairs that are left are a selection.
 * 3. Equivalence shown within the margin: equal, also where a difference inside the margin is significant.
 * 4. The confidence interval of the paired difference excludes zero: the lower loss is better.
 * 5. Otherwise undecided.
 */
export function assessQuality(results: StudyResults): Quality {
  const { training } = results;
  const layerNorm = training?.norms.find((norm) => norm.id === 'layernorm');
  const rmsNorm = training?.norms.find((norm) => norm.id === 'rmsnorm');
  if (!training || !layerNorm || !rmsNorm || layerNorm.runs.length === 0 || rmsNorm.runs.length === 0) {
    const reason = training
      ? 'The study trained no model with LayerNorm and another with RMSNorm.'
      : `No model was trained: ${results.notMeasured.training ?? 'no reason was given'}.`;
    return {
      verdict: 'not-measured',
      short: 'Which norm trains to the lower loss was not part of this study.',
      sentences: [reason],
      pairs: 0,
      decidingPValue: null,
      diverged: 0,
    };
  }
  const divergence = assessDivergence(layerNorm, rmsNorm);
  if (divergence) return divergence;
  const diverged = countDiverged(layerNorm) + countDiverged(rmsNorm);
  if (!rmsNorm.paired) {
    return {
      verdict: 'undecided',
      short: 'No seed finished with both norms, so there is no pair to compare.',
      sentences: ['No seed finished with both norms: there is no pair of runs to compare.'],
      pairs: 0,
      decidingPValue: null,
      diverged,
    };
  }
  return { ...assessPairs(training, layerNorm, rmsNorm.paired), pairs: rmsNorm.paired.n, diverged };
}

function countDiverged(norm: NormRuns): number {
  return norm.runs.filter((run) => run.diverged).length;
}

function assessDivergence(layerNorm: NormRuns, rmsNorm: NormRuns): Quality | null {
  const lost = [layerNorm, rmsNorm].map(countDiverged);
  const [layerNormLost = 0, rmsNormLost = 0] = lost;
  if (layerNormLost === rmsNormLost) return null;
  const [worse, better] = layerNormLost > rmsNormLost ? [layerNorm, rmsNorm] : [rmsNorm, layerNorm];
  const worseLost = Math.max(layerNormLost, rmsNormLost);
  const betterLost = Math.min(layerNormLost, rmsNormLost);
  const counts = `${worseLost} of ${plural(worse.runs.length, `${worse.name} run`)} diverged, against ${betterLost === 0 ? 'none' : betterLost} of ${fixed(better.runs.length, 0)} with ${better.name}`;
  const pairs = rmsNorm.paired?.n ?? 0;
  const shared = { pairs, decidingPValue: null, diverged: worseLost + betterLost };
  if (worseLost === worse.runs.length && worseLost > 1 && betterLost === 0) {
    return {
      ...shared,
      pairs: Math.min(worse.runs.length, better.runs.length),
      verdict: worse === layerNorm ? 'rmsnorm-better' : 'layernorm-better',
      short: `Every ${worse.name} run diverged here, and no ${better.name} run did.`,
      sentences: [`With these settings ${counts}.`, 'A lower learning rate might change that; it was not tried.'],
    };
  }
  return {
    ...shared,
    verdict: 'undecided',
    short: `Stability differed: ${counts}.`,
    sentences: [
      `With these settings ${counts}.`,
      'The runs that finished are a selection, so their losses are shown but no verdict is drawn from them.',
    ],
  };
}

function assessPairs(
  training: TrainingResults,
  layerNorm: NormRuns,
  paired: PairedDifference,
): Omit<Quality, 'pairs' | 'diverged'> {
  const { difference, ci, equivalence } = paired;
  const size = `${fixed(Math.abs(difference), 4)} nats per byte`;
  if (ci === null || paired.pValue === null) {
    return {
      verdict: 'undecided',
      short: 'One pair of runs has no spread to judge a difference by.',
      sentences: [
        `After ${fixed(training.optimizer.steps, 0)} steps, RMSNorm's validation loss minus LayerNorm's was ${signed(difference, 4)} nats per byte, from one seed.`,
        'One pair of runs cannot tell a difference between norms from the chance in a seed. Run three seeds or more.',
      ],
      decidingPValue: null,
    };
  }
  const write = (end: number) => signed(end, 4);
  const measured = `After ${fixed(training.optimizer.steps, 0)} steps, RMSNorm's validation loss minus LayerNorm's was ${signed(difference, 4)} nats per byte (${confidenceInterval(ci, write, paired.level)}; ${plural(paired.n, 'pair')} of runs that share a seed; ${pValue(paired.pValue)}).`;
  const better = difference < 0 ? 'RMSNorm' : 'LayerNorm';
  const significant = ci[0] > 0 || ci[1] < 0;
  if (equivalence?.equivalent) {
    const margin = String(equivalence.margin);
    return {
      verdict: 'equal',
      short: 'LayerNorm and RMSNorm reach the same validation loss at this size.',
      sentences: [
        measured,
        `An equivalence test puts the difference inside ±${margin} nats per byte (${pValue(equivalence.pValue)}), the margin set beforehand as too small to matter.`,
        ...(significant
          ? [
              `The interval excludes zero, so ${better} is ahead by a difference that is detectable and smaller than that margin.`,
            ]
          : []),
      ],
      decidingPValue: equivalence.pValue,
    };
  }
  if (significant) {
    const reference = layerNorm.meanFinalLoss;
    const relative = reference ? ` (${percent(Math.abs(difference) / reference, 2)} of LayerNorm's loss)` : '';
    return {
      verdict: difference < 0 ? 'rmsnorm-better' : 'layernorm-better',
      short: `${better} ends ${size} lower in validation loss at this size${relative}.`,
      sentences: [
        measured,
        `The interval excludes zero: at this size and with these settings ${better} reached the lower loss, by ${size}${relative}.`,
        ...(equivalence ? [`The margin set beforehand as too small to matter is ${equivalence.margin}.`] : []),
      ],
      decidingPValue: paired.pValue,
    };
  }
  const detectable = paired.smallestDetectable;
  return {
    verdict: 'undecided',
    short: `With ${plural(paired.n, 'pair')} of runs the seeds neither show a difference in loss nor rule one out.`,
    sentences: [
      measured,
      `The interval includes zero${equivalence ? `, and the equivalence test does not put the difference inside ±${equivalence.margin} (${pValue(equivalence.pValue)})` : ''}: the seeds neither show a difference nor rule one out.`,
      ...(detectable === null
        ? []
        : [
            `This many seeds would probably have shown a difference of ${fixed(detectable, 4)} nats per byte or more; a smaller one can hide.`,
          ]),
    ],
    decidingPValue: null,
  };
}
