import {
  equivalenceTest,
  mean,
  pairedDifference,
  smallestDetectableDifference,
  standardDeviation,
} from '../core/statistics/index.ts';
import type { RunOutcome } from './outcome.ts';

/** The norm that the others are compared with. */
export const baseline = 'layernorm';

/**
 * Losses within this many nats per token count as equal unless asked otherwise. It is the gap between LayerNorm and
 * RMSNorm that the largest published comparison with numbers found, 0.017 [Narang et al. 2021, table 1], rounded up.
 */
export const defaultMargin = 0.02;

/** A norm minus the baseline over the seeds that both finished, nats per token. */
export interface PairedResult {
  readonly difference: number;
  readonly n: number;
  readonly level: number;
  /** Null with a single pair, like everything that needs a spread. */
  readonly ci: readonly [number, number] | null;
  readonly pValue: number | null;
  readonly equivalence: { readonly margin: number; readonly pValue: number; readonly equivalent: boolean } | null;
  /** The true difference that this many seeds would have shown with a probability of 80 %. */
  readonly smallestDetectable: number | null;
}

export interface NormSummary {
  readonly norm: string;
  readonly runs: readonly RunOutcome[];
  /** Over the runs that finished. */
  readonly meanFinalLoss: number | null;
  readonly sdFinalLoss: number | null;
  readonly meanGradNorm: number | null;
  readonly gradNormSpikeScore: number | null;
  readonly diverged: number;
  /** Null for the baseline, and where no seed finished with both. */
  readonly paired: PairedResult | null;
}

export interface Comparison {
  readonly baseline: string;
  readonly seeds: readonly number[];
  readonly margin: number;
  readonly norms: readonly NormSummary[];
  /** What was planned and has not ended. */
  readonly missing: readonly string[];
}

/** Compares finished runs norm by norm, each with the baseline at the same seed: the same batches in the same order. */
export function summarize(
  outcomes: readonly RunOutcome[],
  plan: { readonly norms: readonly string[]; readonly seeds: readonly number[]; readonly margin?: number },
): Comparison {
  const margin = plan.margin ?? defaultMargin;
  const runsOf = (norm: string) =>
    plan.seeds.flatMap((seed) => outcomes.filter((run) => run.norm === norm && run.seed === seed));
  const reference = runsOf(baseline);
  return {
    baseline,
    seeds: plan.seeds,
    margin,
    norms: plan.norms.map((norm) => summarizeNorm(norm, runsOf(norm), reference, margin)),
    missing: plan.norms.flatMap((norm) =>
      plan.seeds
        .filter((seed) => !runsOf(norm).some((run) => run.seed === seed))
        .map((seed) => `${norm}, seed ${seed}`),
    ),
  };
}

function summarizeNorm(
  norm: string,
  runs: readonly RunOutcome[],
  reference: readonly RunOutcome[],
  margin: number,
): NormSummary {
  const losses = runs.flatMap((run) => run.finalValidationLoss ?? []);
  const gradNorms = runs.flatMap((run) => run.meanGradNorm ?? []);
  const scores = runs.flatMap((run) => run.gradNormSpikeScore ?? []);
  return {
    norm,
    runs,
    meanFinalLoss: losses.length === 0 ? null : mean(losses),
    sdFinalLoss: losses.length < 2 ? null : standardDeviation(losses),
    meanGradNorm: gradNorms.length === 0 ? null : mean(gradNorms),
    gradNormSpikeScore: scores.length === 0 ? null : mean(scores),
    diverged: runs.filter((run) => run.reason === 'diverged').length,
    paired: norm === baseline ? null : pair(runs, reference, margin),
  };
}

function pair(runs: readonly RunOutcome[], reference: readonly RunOutcome[], margin: number): PairedResult | null {
  const pairs = runs.flatMap((run) => {
    const other = reference.find((candidate) => candidate.seed === run.seed);
    return run.finalValidationLoss === null || other === undefined || other.finalValidationLoss === null
      ? []
      : [[run.finalValidationLoss, other.finalValidationLoss] as const];
  });
  if (pairs.length === 0) return null;
  const own = pairs.map(([loss]) => loss);
  const others = pairs.map(([, loss]) => loss);
  const level = 0.95;
  if (pairs.length === 1) {
    return {
      difference: mean(own) - mean(others),
      n: 1,
      level,
      ci: null,
      pValue: null,
      equivalence: null,
      smallestDetectable: null,
    };
  }
  const paired = pairedDifference(own, others, level);
  const test = equivalenceTest(own, others, margin);
  return {
    difference: paired.mean,
    n: paired.n,
    level,
    ci: [paired.ci.low, paired.ci.high],
    pValue: paired.p,
    equivalence: { margin, pValue: test.p, equivalent: test.equivalent },
    smallestDetectable: smallestDetectableDifference({ sd: paired.sd, n: paired.n }),
  };
}
