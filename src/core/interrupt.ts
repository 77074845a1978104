import { exitCodes, InterruptedError, messageOf } from './errors.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;
export type InterruptSignal = (typeof signals)[number];

export interface InterruptOptions {
  /** Called at the first signal, for instance to say that the work is stopping and that another Ctrl-C quits at once. */
  readonly onInterrupt?: (signal: InterruptSignal) => void;
}

/** A runner such as npm passes on the Ctrl-C that the terminal has sent already: signals this close are one. */
const sameKeypressMs = 250;

/**
 * Runs `work` so that SIGINT (Ctrl-C) or SIGTERM aborts its signal, with an InterruptedError as the reason, and it can
 * save what it has. A second SIGINT exits at once, with code 130.
 *
 * Resolves to the work's result, also when a signal came but the work finished. Throws an InterruptedError when the
 * work fails after a signal; an error that isn't the abort itself is its cause, and named in its message.
 *
 * Signals arrive between turns of the event loop only: a loop that awaits nothing but resolved promises, or engine
 * runs that block, calls `yieldToSignals` now and then.
 */
export async function withInterrupts<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: InterruptOptions = {},
): Promise<T> {
  const controller = new AbortController();
  let firstAt: number | undefined;

  function onSignal(name: InterruptSignal): void {
    if (firstAt === undefined) {
      firstAt = performance.now();
      controller.abort(new InterruptedError(`interrupted by ${name}`));
      options.onInterrupt?.(name);
    } else if (name === 'SIGINT' && performance.now() - firstAt > sameKeypressMs) {
      process.exit(exitCodes.interrupted);
    }
  }

  for (const name of signals) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? asInterrupted(error, controller.signal.reason) : error;
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
}

/** Lets signals and timers that wait be served, then throws the signal's reason if it is aborted. */
export async function yieldToSignals(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
}

function asInterrupted(error: unknown, reason: unknown): unknown {
  if (error instanceof InterruptedError) return error;
  // Node's own functions reject with an AbortError of their own instead of the reason.
  if (error instanceof Error && error.name === 'AbortError') return reason;
  return new InterruptedError(`${messageOf(reason)}; while it stopped: ${messageOf(error)}`, { cause: error });
}
