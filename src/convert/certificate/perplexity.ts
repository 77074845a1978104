import { logSumExp, type Observation } from './difference.ts';
import type { InputIds } from './observe.ts';

/** exp, in JSON's range, of the mean of −ln p(next id) over all positions `[batch, sequence − 1]` that have a next id. */
export function perplexityOf({ vocabularySize, logits }: Observation, inputIds: InputIds): number {
  const losses = inputIds.flatMap((row, i) =>
    row.slice(1).map((next, j) => {
      const start = (i * row.length + j) * vocabularySize;
      const scores = logits.subarray(start, start + vocabularySize);
      return logSumExp(scores) - (scores[next] ?? Number.NaN);
    }),
  );
  return Math.min(Number.MAX_VALUE, Math.exp(losses.reduce((sum, loss) => sum + loss, 0) / losses.length));
}
