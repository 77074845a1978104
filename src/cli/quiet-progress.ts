import { createProgress, type ProgressStream } from '../core/progress.ts';

const quietMs = 2000;

/** Lines that say where the work stands; a log is spared those of what is done in a moment. */
export function quietProgress(stream: ProgressStream) {
  const progress = createProgress({ stream });
  const startedMs = performance.now();
  return {
    onProgress(line: string): void {
      if (stream.isTTY || performance.now() - startedMs > quietMs) progress.update(line);
    },
    done: () => progress.done({ clear: true }),
  };
}
