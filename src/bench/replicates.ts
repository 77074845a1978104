import type { Random } from '../core/random.ts';
import { estimateMean, median } from '../core/statistics/index.ts';
import type { EngineTensor, Session } from '../engine/index.ts';
import { interleave, type Timings } from './interleave.ts';

/** Something to be timed in sessions of its own: how one is created, and what each run is fed. */
export interface Candidate {
  readonly name: string;
  readonly create: () => Promise<Session>;
  readonly feeds: Readonly<Record<string, EngineTensor>>;
}

export interface ReplicateOptions {
  /** How often all sessions are created anew. */
  readonly replicates: number;
  /** How long to measure in all, creations and warm-ups aside. At least three rounds are made in each replicate. */
  readonly seconds: number;
  /** The order in which sessions are created, and run in each round. */
  readonly random: Random;
  readonly signal?: AbortSignal | undefined;
  /** Called after every round with the fraction of the work. */
  readonly onFraction?: ((fraction: number) => void) | undefined;
}

const minRounds = 3;

/** Over all replicates. Beyond that the machine's drift decides, not the number of rounds. */
const maxRounds = 300;

/**
 * Times candidates in interleaved rounds, again and again with new sessions, and returns the timings of each replicate.
 *
 * Where the engine's memory came to lie favours one session over another, even of the same model, for as long as both
 * live. So all sessions of a replicate are created in an order drawn anew, and released before the next ones are created.
 * Throws the signal's reason when it is aborted.
 */
export async function timeReplicates(
  candidates: readonly Candidate[],
  { replicates, seconds, random, signal, onFraction }: ReplicateOptions,
): Promise<readonly Timings[]> {
  const all: Timings[] = [];
  for (let replicate = 0; replicate < replicates; replicate++) {
    const sessions = new Map<Candidate, Session>();
    try {
      for (const index of random.permutation(candidates.length)) {
        const candidate = candidates[index];
        if (candidate) sessions.set(candidate, await candidate.create());
        signal?.throwIfAborted();
      }
      const variants = [...sessions].map(([{ name, feeds }, session]) => ({ name, run: () => session.run(feeds) }));
      const timings = await interleave(variants, {
        seconds: seconds / replicates,
        minRounds,
        maxRounds: Math.ceil(maxRounds / replicates),
        random,
        signal,
        onRound: (_, fraction) => onFraction?.((replicate + fraction) / replicates),
      });
      all.push(timings);
    } finally {
      for (const session of sessions.values()) await session.release();
    }
  }
  return all;
}

/** How many times as long one thing takes as another. */
export interface TimeRatio {
  readonly ratio: number;
  /** At 95%. */
  readonly ci: readonly [number, number];
}

/**
 * The ratio of paired seconds: the geometric mean over replicates of each one's median ratio, exp(mean(median(ln aᵢ/bᵢ))),
 * with Student's interval over the replicates.
 *
 * Rounds of one replicate say how precisely its own sessions were timed, and nothing about others: an interval over
 * rounds would call two sessions of the same model different. Throws an InputError for fewer than two replicates.
 */
export function ratioOverReplicates(replicates: readonly (readonly [Float64Array, Float64Array])[]): TimeRatio {
  const logs = replicates.map(([a, b]) =>
    median(a.map((seconds, round) => Math.log(seconds / (b[round] ?? Number.NaN)))),
  );
  const { mean, ci } = estimateMean(logs);
  return { ratio: Math.exp(mean), ci: [Math.exp(ci.low), Math.exp(ci.high)] };
}

/** The median over replicates of each one's median. */
export function medianOverReplicates(replicates: readonly Float64Array[]): number {
  return median(replicates.map((seconds) => median(seconds)));
}
