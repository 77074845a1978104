/** Logits `[positions, ids]` of the next ids, and what they weigh beside the largest logit of their position so far. */
export interface LogitBlock {
  readonly logits: Float64Array;
  /** exp(z − the largest z so far) */
  readonly weights: Float64Array;
  /** For each position what earlier weights are to be multiplied by: its largest logit may be in this block. */
  readonly shrinkage: Float64Array;
}

/** Logits that come as blocks of columns, in the order of the ids, of which no more than some numbers are kept. */
export interface LogitTally {
  add(logits: Float64Array): LogitBlock;
  readonly positions: number;
  indexOfLargest(position: number): number;
  /** The sum of all weights of a position. */
  weight(position: number): number;
  /** log Σ exp(z), without overflow. */
  logSumExp(position: number): number;
  /** exp, in JSON's range, of the mean of −ln p(next id) over all positions that have a next id. */
  perplexity(): number;
}

/** Token ids `[batch, sequence]` are what the logits are for: each position's next id is the one that counts. */
export function tallyLogits(inputIds: readonly (readonly number[])[]): LogitTally {
  const next = inputIds.flatMap((row) => [...row.slice(1), null]);
  const positions = next.length;
  const largest = new Float64Array(positions).fill(Number.NEGATIVE_INFINITY);
  const places = new Float64Array(positions);
  const sums = new Float64Array(positions);
  const chosen = new Float64Array(positions).fill(Number.NaN);
  const of = (values: Float64Array, position: number) => values[position] ?? Number.NaN;
  const logSumExp = (position: number) => of(largest, position) + Math.log(of(sums, position));
  let first = 0;

  function addRow(position: number, row: Float64Array, weights: Float64Array): number {
    const before = of(largest, position);
    let most = before;
    for (let i = 0; i < row.length; i++) {
      const logit = row[i] as number;
      if (!(logit > most)) continue;
      most = logit;
      places[position] = first + i;
    }
    largest[position] = most;
    const shrinkage = before === most ? 1 : Math.exp(before - most);
    let sum = of(sums, position) * shrinkage;
    for (let i = 0; i < row.length; i++) {
      const weight = Math.exp((row[i] as number) - most);
      weights[i] = weight;
      sum += weight;
    }
    sums[position] = sum;
    return shrinkage;
  }

  return {
    positions,
    add(logits) {
      const width = logits.length / positions;
      const weights = new Float64Array(logits.length);
      const shrinkage = new Float64Array(positions);
      for (const [position, id] of next.entries()) {
        const [start, end] = [position * width, (position + 1) * width];
        shrinkage[position] = addRow(position, logits.subarray(start, end), weights.subarray(start, end));
        if (id !== null && id >= first && id < first + width) chosen[position] = of(logits, start + id - first);
      }
      first += width;
      return { logits, weights, shrinkage };
    },
    indexOfLargest: (position) => of(places, position),
    weight: (position) => of(sums, position),
    logSumExp,
    perplexity() {
      const losses = next.flatMap((id, position) => (id === null ? [] : [logSumExp(position) - of(chosen, position)]));
      return Math.min(Number.MAX_VALUE, Math.exp(losses.reduce((sum, loss) => sum + loss, 0) / losses.length));
    },
  };
}
