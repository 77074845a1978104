import { median } from '../../core/statistics/index.ts';
import type { LogitBlock, LogitTally } from './logits.ts';
import type { LogitDifference } from './schema.ts';

/** Compares logits that come as blocks, of which no more than some numbers are kept. */
export interface LogitComparison {
  add(reference: LogitBlock, observed: LogitBlock): void;
  /** How far what was observed is from the reference. */
  difference(): LogitDifference;
}

/** The tallies must have been given the blocks that are compared. */
export function compareLogits(reference: LogitTally, observed: LogitTally): LogitComparison {
  const { positions } = reference;
  /** Σ exp(p − largest p)·(p − q) of each position. */
  const crossed = new Float64Array(positions);
  let maxAbsLogit = 0;
  let squaredError = 0;
  let squares = 0;
  return {
    add({ logits: p, weights, shrinkage }, { logits: q }) {
      const width = p.length / positions;
      for (let position = 0; position < positions; position++) {
        let cross = (crossed[position] ?? Number.NaN) * (shrinkage[position] ?? Number.NaN);
        const end = (position + 1) * width;
        for (let i = position * width; i < end; i++) {
          const logit = p[i] as number;
          const error = (q[i] as number) - logit;
          // Math.max keeps a NaN, so that no check passes over it.
          maxAbsLogit = Math.max(maxAbsLogit, Math.abs(error));
          squaredError += error * error;
          squares += logit * logit;
          cross -= (weights[i] as number) * error;
        }
        crossed[position] = cross;
      }
    },
    difference() {
      let kl = 0;
      let agreements = 0;
      for (let position = 0; position < positions; position++) {
        // KL(softmax(p) ‖ softmax(q)) = Σ softmax(p)·(p − q) − log Σexp(p) + log Σexp(q), in nats.
        kl +=
          (crossed[position] ?? Number.NaN) / reference.weight(position) -
          reference.logSumExp(position) +
          observed.logSumExp(position);
        if (reference.indexOfLargest(position) === observed.indexOfLargest(position)) agreements++;
      }
      return {
        maxAbsLogit,
        nmse: squaredError === 0 ? 0 : squaredError / squares,
        kl: kl / positions,
        top1Agreement: agreements / positions,
      };
    },
  };
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
