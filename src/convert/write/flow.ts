import { availableParallelism } from 'node:os';
import { formatBytes, formatDuration } from '../../core/format.ts';

/** Below, a model is written before threads have started. */
const worthThreadsBytes = 2 ** 27;

/** How many threads compute a model of so many bytes. */
export function defaultThreads(bytes: number): number {
  return bytes < worthThreadsBytes ? 0 : Math.min(4, availableParallelism());
}

/** Does two things at once. When one fails, the other is told to stop and waited for, and the first error is thrown. */
export async function together<A, B>(
  signal: AbortSignal,
  [first, second]: readonly [(stop: AbortSignal) => Promise<A>, (stop: AbortSignal) => Promise<B>],
): Promise<readonly [A, B]> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const stopping = async <T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> =>
    work(stop).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    });
  const [a, b] = await Promise.allSettled([stopping(first), stopping(second)]);
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value];
  throw failed.signal.reason;
}

/** Lines that say how far reading and writing are, and what time is left at the speed so far. */
export function byteProgress(
  [readTotal, writtenTotal]: readonly [number, number],
  onProgress: ((line: string) => void) | undefined,
  now: () => number = () => performance.now(),
): { readonly onRead: (bytes: number) => void; readonly onWritten: (bytes: number) => void } {
  const startedMs = now();
  let read = 0;
  let written = 0;
  const show = () => {
    if (onProgress === undefined) return;
    const left = timeLeft(Math.min(read / readTotal, written / writtenTotal), now() - startedMs);
    onProgress(`writing: ${formatBytes(written)} of ${formatBytes(writtenTotal)}, hashed ${formatBytes(read)}${left}`);
  };
  return {
    onRead(bytes) {
      read += bytes;
      show();
    },
    onWritten(bytes) {
      written += bytes;
      show();
    },
  };
}

/** Lines that say which share of some work is done, and what time is left at the speed so far. */
export function shareProgress(
  what: string,
  onProgress: ((line: string) => void) | undefined,
  now: () => number = () => performance.now(),
): (share: number) => void {
  const startedMs = now();
  return (share) => onProgress?.(`${what}: ${Math.floor(100 * share)} %${timeLeft(share, now() - startedMs)}`);
}

/** Of a smaller share, such as the shapes in a graph, which come before its weights, the time says nothing of the rest. */
const tellingShare = 0.01;

function timeLeft(share: number, passedMs: number): string {
  const seconds = passedMs / 1000;
  return share >= tellingShare && share < 1 && seconds > 1
    ? `, ${formatDuration((seconds / share) * (1 - share))} left`
    : '';
}
