import { trainRun } from './run.ts';
import { tinyConfig, tinyCorpus } from './runs.fixture.ts';

// Trains in a process of its own and tells its parent of each step, to be killed by it.

const [folder = '', checkpointSeconds = ''] = process.argv.slice(2);
const controller = new AbortController();

await trainRun({
  folder,
  config: tinyConfig(),
  corpus: tinyCorpus(),
  engine: { threads: 1 },
  checkpointSeconds: Number(checkpointSeconds),
  signal: controller.signal,
  onProgress: ({ step }) => {
    process.send?.(step);
    // Time to be killed in.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  },
});
process.disconnect();
