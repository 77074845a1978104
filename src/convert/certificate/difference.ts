import { median } from '../../core/statistics/index.ts';
import type { Difference, LogitDifference } from './schema.ts';

/** What a model computed: logits `[positions, vocabularySize]`, and the stream's mean after the embeddings and each layer. */
export interface Observation {
  readonly vocabularySize: number;
  readonly logits: Float64Array;
  readonly residualMeans: readonly number[];
}

/** How far one list of numbers is from another. */
export interface ValueDifference {
  readonly maxAbs: number;
  /** Σ(Δ)² / Σ(reference)² */
  readonly nmse: number;
}

/** How far `observed` is from `reference`; infinities that are the same differ by nothing. */
export function compareValues(reference: Float64Array, observed: Float64Array): ValueDifference {
  let maxAbs = 0;
  let squaredError = 0;
  let squares = 0;
  for (let i = 0; i < reference.length; i++) {
    const value = reference[i] ?? Number.NaN;
    const other = observed[i] ?? Number.NaN;
    if (value === other && !Number.isFinite(value)) continue;
    const error = other - value;
    // Math.max keeps a NaN, so that no check passes over it.
    maxAbs = Math.max(maxAbs, Math.abs(error));
    squaredError += error * error;
    squares += value * value;
  }
  return { maxAbs, nmse: squaredError === 0 ? 0 : squaredError / squares };
}

/** How far `observed` is from `reference`. */
export function compareLogits(reference: Observation, observed: Observation): LogitDifference {
  const { vocabularySize } = reference;
  const positions = reference.logits.length / vocabularySize;
  const { maxAbs, nmse } = compareValues(reference.logits, observed.logits);
  let kl = 0;
  let agreements = 0;
  for (let position = 0; position < positions; position++) {
    const p = reference.logits.subarray(position * vocabularySize, (position + 1) * vocabularySize);
    const q = observed.logits.subarray(position * vocabularySize, (position + 1) * vocabularySize);
    kl += divergence(p, q);
    if (indexOfMax(p) === indexOfMax(q)) agreements++;
  }
  return {
    maxAbsLogit: maxAbs,
    nmse,
    kl: kl / positions,
    top1Agreement: agreements / positions,
  };
}

export function compare(reference: Observation, observed: Observation): Difference {
  return {
    ...compareLogits(reference, observed),
    residualMeans: { before: [...reference.residualMeans], after: [...observed.residualMeans] },
  };
}

/** The median of each figure by itself. */
export function medianDifference(differences: readonly LogitDifference[]): LogitDifference {
  const of = (figure: (difference: LogitDifference) => number) => median(differences.map(figure));
  return {
    maxAbsLogit: of((difference) => difference.maxAbsLogit),
    nmse: of((difference) => difference.nmse),
    kl: of((difference) => difference.kl),
    top1Agreement: of((difference) => difference.top1Agreement),
  };
}

/** KL(softmax(p) ‖ softmax(q)) = Σ softmax(p)·(p − q) − log Σexp(p) + log Σexp(q), in nats. */
function divergence(p: Float64Array, q: Float64Array): number {
  const logP = logSumExp(p);
  const logQ = logSumExp(q);
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const x = (p[i] ?? Number.NaN) - logP;
    const y = (q[i] ?? Number.NaN) - logQ;
    sum += Math.exp(x) * (x - y);
  }
  return sum;
}

/** ln Σ exp(x), without overflow. */
export function logSumExp(row: Float64Array): number {
  const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (const value of row) sum += Math.exp(value - max);
  return max + Math.log(sum);
}

function indexOfMax(row: Float64Array): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] ?? Number.NaN) > (row[best] ?? Number.NaN)) best = i;
  return best;
}
