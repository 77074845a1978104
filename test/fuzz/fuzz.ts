import { writeSync } from 'node:fs';
import { InputError, messageOf, RefusalError } from '../../src/core/errors.ts';
import { createRandom } from '../../src/core/random.ts';
import { expectOneLine, type Target } from './targets.ts';

/** What a process may hold while it reads any of the inputs, Node and the fuzzer's own among it. */
export const maxResidentBytes = 600 * 2 ** 20;

/** What reading one input may take. Inputs have a few kilobytes and take a millisecond. */
export const maxSeconds = 10;

export interface Failure {
  readonly target: string;
  readonly input: number;
  readonly reason: string;
}

export interface Counts {
  readonly inputs: number;
  /** Refused before the reader had parsed them. */
  readonly shallow: number;
  readonly refused: number;
  readonly accepted: number;
}

export interface FuzzResult {
  readonly counts: Readonly<Record<string, Counts>>;
  readonly failures: readonly Failure[];
  /** Refusals that differ in more than names and numbers, by reader. */
  readonly refusals: Readonly<Record<string, number>>;
}

export interface FuzzOptions {
  readonly seed: string;
  readonly inputs: number;
  /** An open file into which the number of each input is written before it is read, as two 32-bit numbers. */
  readonly statusFile?: number | undefined;
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** The input of a number: the same for the same seed, on every machine. */
export function inputOf(target: Target, seed: string, input: number): Uint8Array {
  return target.make(createRandom(seed).split(target.name).split(`${input}`));
}

/** Reads generated inputs. Whatever is neither taken nor refused with one line is a failure. */
export async function fuzz(targets: readonly Target[], options: FuzzOptions): Promise<FuzzResult> {
  const counts: Record<string, Counts> = {};
  const refusals: Record<string, number> = {};
  const failures: Failure[] = [];
  const status = new Uint32Array(2);
  const shares = targets.reduce((sum, { share }) => sum + share, 0);
  let done = 0;
  for (const [number, target] of targets.entries()) {
    const inputs = Math.ceil((options.inputs * target.share) / shares);
    const kinds = new Set<string>();
    const count = { inputs, shallow: 0, refused: 0, accepted: 0 };
    for (let input = 0; input < inputs; input++) {
      status.set([number, input]);
      if (options.statusFile !== undefined) writeSync(options.statusFile, status, 0, 8, 0);
      const bytes = inputOf(target, options.seed, input);
      const outcome = await judge(target, bytes);
      if (outcome.kind === 'failed') failures.push({ target: target.name, input, reason: outcome.reason });
      else count[outcome.kind] += 1;
      if (outcome.kind === 'refused')
        kinds.add(outcome.message.replace(/"(?:[^"\\]|\\.)*"|[\d.e+-]+/g, '#').slice(0, 80));
      done += 1;
      if (done % 500 === 0) options.onProgress?.(done);
    }
    counts[target.name] = count;
    refusals[target.name] = kinds.size;
  }
  return { counts, failures, refusals };
}

type Outcome =
  | { readonly kind: 'accepted' | 'shallow' }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'failed'; readonly reason: string };

async function judge(target: Target, bytes: Uint8Array): Promise<Outcome> {
  const started = performance.now();
  const outcome = await outcomeOf(target, bytes);
  const seconds = (performance.now() - started) / 1000;
  if (seconds > maxSeconds)
    return { kind: 'failed', reason: `took ${seconds.toFixed(1)} s, at most ${maxSeconds} s are allowed` };
  const resident = process.memoryUsage.rss();
  if (resident > maxResidentBytes)
    return { kind: 'failed', reason: `the process holds ${resident} bytes, at most ${maxResidentBytes} are allowed` };
  return outcome;
}

async function outcomeOf(target: Target, bytes: Uint8Array): Promise<Outcome> {
  try {
    await target.read(bytes);
    return { kind: 'accepted' };
  } catch (error) {
    if (!(error instanceof InputError || error instanceof RefusalError)) {
      return { kind: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    try {
      expectOneLine(error.message);
    } catch (problem) {
      return { kind: 'failed', reason: messageOf(problem) };
    }
    return target.isShallow(error.message) ? { kind: 'shallow' } : { kind: 'refused', message: error.message };
  }
}

/** Of all inputs, the part that was parsed: taken, or refused for what it says. */
export function partParsed(counts: FuzzResult['counts']): number {
  const all = Object.values(counts);
  const sum = (get: (count: Counts) => number) => all.reduce((total, count) => total + get(count), 0);
  return sum(({ refused, accepted }) => refused + accepted) / sum(({ inputs }) => inputs);
}
