import { trainRun } from './run.ts';
import { tinyConfig, tinyCorpus } from './runs.fixture.ts';

// Trains in a process of its own and tells its parent of one step, to be killed there.

const [folder = '', checkpointSeconds = '', stopAt = ''] = process.argv.slice(2);
const controller = new AbortController();

await trainRun({
  folder,
  config: tinyConfig(),
  corpus: tinyCorpus(),
  engine: { threads: 1 },
  checkpointSeconds: Number(checkpointSeconds),
  signal: controller.signal,
  onProgress: ({ step }) => {
    const stop = step === Number(stopAt);
    if (stop) process.send?.(step);
    // Steps long enough for checkpoints between them, and all the time that the parent may need.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stop ? 30_000 : 20);
  },
});
process.disconnect();
