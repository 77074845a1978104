import { median } from '../../core/statistics/index.ts';
import type { LogitDifference } from './schema.ts';

/**
 * Compares logits `[positions, vocabularySize]` that come as blocks of columns, each one `[positions, ids]`, and keeps no
 * more than some numbers for each position.
 */
export interface LogitComparison {
  add(reference: Float64Array, observed: Float64Array): void;
  /** How far what was observed is from the reference. */
  difference(): LogitDifference;
}

export function compareLogits(positions: number): LogitComparison {
  const [expected, found] = [logSumExps(positions), logSumExps(positions)];
  /** Σ exp(p − largest p)·(p − q) */
  const crossed = new Float64Array(positions);
  let maxAbsLogit = 0;
  let squaredError = 0;
  let squares = 0;
  let columns = 0;
  return {
    add(reference, observed) {
      const width = reference.length / positions;
      for (let position = 0; position < positions; position++) {
        const p = reference.subarray(position * width, (position + 1) * width);
        const q = observed.subarray(position * width, (position + 1) * width);
        const shrunk = expected.add(position, p);
        found.add(position, q);
        const largest = expected.largest(position);
        let cross = (crossed[position] ?? Number.NaN) * shrunk;
        for (let i = 0; i < width; i++) {
          const logit = p[i] as number;
          const error = (q[i] as number) - logit;
          // Math.max keeps a NaN, so that no check passes over it.
          maxAbsLogit = Math.max(maxAbsLogit, Math.abs(error));
          squaredError += error * error;
          squares += logit * logit;
          cross -= Math.exp(logit - largest) * error;
        }
        crossed[position] = cross;
      }
      columns += width;
    },
    difference() {
      if (columns === 0) throw new Error('convert: no logits were compared');
      let kl = 0;
      let agreements = 0;
      for (let position = 0; position < positions; position++) {
        // KL(softmax(p) ‖ softmax(q)) = Σ softmax(p)·(p − q) − log Σexp(p) + log Σexp(q), in nats.
        kl +=
          (crossed[position] ?? Number.NaN) / expected.sum(position) - expected.value(position) + found.value(position);
        if (expected.indexOfLargest(position) === found.indexOfLargest(position)) agreements++;
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

/** log Σexp of rows whose entries come block by block, without overflow. */
export interface LogSumExps {
  /** Takes the next entries of a row; gives what sums that were scaled to its largest entry so far are to be multiplied by. */
  add(row: number, values: Float64Array): number;
  largest(row: number): number;
  indexOfLargest(row: number): number;
  /** Σ exp(x − the largest x) */
  sum(row: number): number;
  value(row: number): number;
}

export function logSumExps(rows: number): LogSumExps {
  const largest = new Float64Array(rows).fill(Number.NEGATIVE_INFINITY);
  const places = new Float64Array(rows);
  const sums = new Float64Array(rows);
  const counts = new Float64Array(rows);
  const of = (values: Float64Array, row: number) => values[row] ?? Number.NaN;
  return {
    add(row, values) {
      const before = of(largest, row);
      let most = before;
      for (let i = 0; i < values.length; i++) {
        const value = values[i] as number;
        if (!(value > most)) continue;
        most = value;
        places[row] = of(counts, row) + i;
      }
      counts[row] = of(counts, row) + values.length;
      largest[row] = most;
      const shrunk = before === most ? 1 : Math.exp(before - most);
      let sum = of(sums, row) * shrunk;
      for (let i = 0; i < values.length; i++) sum += Math.exp((values[i] as number) - most);
      sums[row] = sum;
      return shrunk;
    },
    largest: (row) => of(largest, row),
    indexOfLargest: (row) => of(places, row),
    sum: (row) => of(sums, row),
    value: (row) => of(largest, row) + Math.log(of(sums, row)),
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
