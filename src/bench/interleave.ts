import { createRandom, type Random } from '../core/random.ts';

/** Something to be timed. */
export interface Variant {
  readonly name: string;
  /** One call of the engine; the whole of it is timed. */
  readonly run: () => Promise<unknown>;
  /** Called before every run, untimed: a pause until the threads of an engine that waits actively sleep, for instance. */
  readonly prepare?: () => Promise<unknown>;
}

export interface InterleaveOptions {
  /** How long to measure, warm-up aside. At least `minRounds` rounds are made whatever it is. */
  readonly seconds: number;
  /** Default 5. */
  readonly minRounds?: number;
  /** Default 300: beyond that the machine's drift decides, not the number of rounds. */
  readonly maxRounds?: number;
  /** Default: a stream of its own, the same at every call. */
  readonly random?: Random;
  readonly signal?: AbortSignal | undefined;
  /** Called after every round with the rounds done and the fraction of the work. */
  readonly onRound?: (rounds: number, fraction: number) => void;
}

export interface Timings {
  readonly rounds: number;
  /** Seconds by variant, one entry per round. Entries of the same round belong together: they are pairs. */
  readonly seconds: ReadonlyMap<string, Float64Array>;
}

/**
 * Times variants in rounds: every round runs each of them once, in an order drawn anew, so that what slows the machine
 * down for a while (another process, a lower clock) hits all of them alike, and none always follows the same other one.
 *
 * Two runs of each come before, untimed. Throws the signal's reason when it is aborted.
 */
export async function interleave(variants: readonly Variant[], options: InterleaveOptions): Promise<Timings> {
  const { seconds, minRounds = 5, maxRounds = 300, random = createRandom('bench'), signal, onRound } = options;
  for (let warmup = 0; warmup < 2; warmup++) {
    for (const variant of variants) {
      await variant.prepare?.();
      await variant.run();
      signal?.throwIfAborted();
    }
  }
  const samples = variants.map((): number[] => []);
  const start = performance.now();
  let rounds = 0;
  const elapsed = () => (performance.now() - start) / 1000;
  while (rounds < minRounds || (rounds < maxRounds && elapsed() < seconds)) {
    for (const index of random.permutation(variants.length)) {
      const variant = variants[index];
      await variant?.prepare?.();
      const before = performance.now();
      await variant?.run();
      samples[index]?.push((performance.now() - before) / 1000);
      signal?.throwIfAborted();
    }
    rounds++;
    onRound?.(rounds, Math.min(1, Math.max(rounds / maxRounds, Math.min(rounds / minRounds, elapsed() / seconds))));
  }
  return {
    rounds,
    seconds: new Map(variants.map(({ name }, i) => [name, Float64Array.from(samples[i] ?? [])])),
  };
}

/** The seconds of one variant. Throws for a name that was not timed. */
export function secondsOf(timings: Timings, name: string): Float64Array {
  const seconds = timings.seconds.get(name);
  if (seconds === undefined) throw new Error(`bench: ${name} was not timed`);
  return seconds;
}
