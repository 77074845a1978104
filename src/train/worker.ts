import { InputError, InterruptedError, messageOf, NormlabError } from '../core/errors.ts';
import { withInterrupts } from '../core/interrupt.ts';
import { loadCorpus } from './corpus.ts';
import type { WorkerMessage, WorkerTask } from './pool.ts';
import { trainRun } from './run.ts';

// A child process of a comparison: trains one run and reports on it. It stops when its parent is gone.

const send = (message: WorkerMessage) => {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};

process.once('message', (task: WorkerTask) => {
  void run(task).finally(() => {
    if (process.connected) process.disconnect();
  });
});

async function run({ job, threads, force, sha256 }: WorkerTask): Promise<void> {
  let lastReport = 0;
  try {
    await withInterrupts(async (interrupts) => {
      const orphaned = new AbortController();
      process.once('disconnect', () =>
        orphaned.abort(new InterruptedError('train: the comparison that this run is of is gone')),
      );
      const corpus = await loadCorpus(job.config.text);
      if (corpus.sha256 !== sha256) {
        throw new InputError('compare: the text changed since the comparison was started; restore it');
      }
      await trainRun({
        ...job,
        corpus,
        engine: { threads },
        force,
        signal: AbortSignal.any([interrupts, orphaned.signal]),
        onProgress(progress) {
          if (performance.now() - lastReport < 200) return;
          lastReport = performance.now();
          send({ kind: 'progress', progress });
        },
      });
    });
    send({ kind: 'done' });
  } catch (error) {
    if (error instanceof InterruptedError) {
      process.exitCode = error.exitCode;
      return;
    }
    if (error instanceof NormlabError) {
      send({ kind: 'refused', message: messageOf(error) });
      process.exitCode = error.exitCode;
      return;
    }
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 70;
  }
}
