import type { InputIds } from './decoder.ts';
import { logSumExps } from './difference.ts';

/** The loss of logits that come as blocks of columns, `[positions, ids]` each, in the order of the ids. */
export interface Loss {
  add(logits: Float64Array): void;
  /** exp, in JSON's range, of the mean of −ln p(next id) over all positions `[batch, sequence − 1]` that have a next id. */
  perplexity(): number;
}

export function lossOn(inputIds: InputIds): Loss {
  const next = inputIds.flatMap((row) => [...row.slice(1), null]);
  const sums = logSumExps(next.length);
  const chosen = new Float64Array(next.length).fill(Number.NaN);
  let first = 0;
  return {
    add(logits) {
      const width = logits.length / next.length;
      for (const [position, id] of next.entries()) {
        const row = logits.subarray(position * width, (position + 1) * width);
        sums.add(position, row);
        if (id !== null && id >= first && id < first + width) chosen[position] = row[id - first] ?? Number.NaN;
      }
      first += width;
    },
    perplexity() {
      const losses = next.flatMap((id, i) => (id === null ? [] : [sums.value(i) - (chosen[i] ?? Number.NaN)]));
      return Math.min(Number.MAX_VALUE, Math.exp(losses.reduce((sum, loss) => sum + loss, 0) / losses.length));
    },
  };
}
