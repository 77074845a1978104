export interface SpikeOptions {
  /** How many steps before a step it is compared with. Default 1000. */
  readonly window?: number;
  /** How many standard deviations from their mean make a spike. Default 7. */
  readonly deviations?: number;
}

export interface SpikeScore {
  /** Spikes among the judged steps, in per cent. */
  readonly score: number;
  /** Positions of the spikes in the series. */
  readonly spikes: readonly number[];
  /** How many steps had a whole window before them. */
  readonly judged: number;
}

/** Below this fraction of its largest magnitude a window's spread is rounding, not spread. */
const roundingSpread = 1e-12;

/**
 * The share of steps whose value (loss, gradient norm) lies at least 7 standard deviations from the mean of the 1,000
 * steps before it, or null when no step has that many before it.
 *
 * A value that isn't finite is a spike, and is left out of the windows after it. A step after a window without spread
 * is judged but is no spike: there is no scale to measure it by. Source: [OLMo 2, arXiv 2501.00656 §3].
 */
export function spikeScore(values: ArrayLike<number>, options: SpikeOptions = {}): SpikeScore | null {
  const { window = 1000, deviations = 7 } = options;
  if (!Number.isInteger(window) || window < 2) {
    throw new RangeError(`statistics: the window is ${window} steps, expected an integer of at least 2`);
  }
  const series = Float64Array.from(values);
  const judged = series.length - window;
  if (judged <= 0) return null;
  const spikes: number[] = [];
  for (let step = window; step < series.length; step++) {
    if (isSpike(series[step] ?? Number.NaN, series.subarray(step - window, step), deviations)) spikes.push(step);
  }
  return { score: (100 * spikes.length) / judged, spikes, judged };
}

// Each window is summed afresh, in two passes: running sums would keep the rounding error of every spike that left them.
function isSpike(value: number, window: Float64Array, deviations: number): boolean {
  if (!Number.isFinite(value)) return true;
  let count = 0;
  let sum = 0;
  let largest = 0;
  for (let i = 0; i < window.length; i++) {
    const x = window[i] ?? Number.NaN;
    if (!Number.isFinite(x)) continue;
    count++;
    sum += x;
    largest = Math.max(largest, Math.abs(x));
  }
  if (count < 2) return false;
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < window.length; i++) {
    const x = window[i] ?? Number.NaN;
    if (Number.isFinite(x)) squares += (x - mean) ** 2;
  }
  const sd = Math.sqrt(squares / (count - 1));
  return sd > roundingSpread * largest && Math.abs(value - mean) >= deviations * sd;
}
