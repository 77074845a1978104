import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from './folder.fixture.ts';
import { lockName } from './folder.ts';
import { readRunRecord } from './record.ts';
import { trainRun } from './run.ts';
import { snapshot, tinyConfig, tinyCorpus } from './runs.fixture.ts';

const base = { config: tinyConfig(), corpus: tinyCorpus(), engine: { threads: 1 } };
const fixture = fileURLToPath(new URL('./kill.fixture.ts', import.meta.url));

/** Trains in a process that waits after the step `stopAt`, where it is sent `signal`. */
function start(folder: string, checkpointSeconds: number, stopAt: number, signal: NodeJS.Signals = 'SIGKILL') {
  const args = [folder, checkpointSeconds, stopAt].map(String);
  const child = fork(fixture, args, { execArgv: ['--import', 'tsx'] });
  child.on('message', () => child.kill(signal));
  return child;
}

test.each([
  { killAt: 1, checkpointSeconds: 1000, where: 'before the first checkpoint' },
  { killAt: 4, checkpointSeconds: 0, where: 'between checkpoints of every step' },
  { killAt: 9, checkpointSeconds: 0.07, where: 'some steps after a checkpoint' },
])('a run that was killed $where goes on and is the same, bit for bit', async ({ killAt, checkpointSeconds }) => {
  const root = await temporaryFolder();
  const folder = join(root, 'killed');
  const [, signal] = await once(start(folder, checkpointSeconds, killAt), 'exit');
  expect(signal).toBe('SIGKILL');
  expect(existsSync(join(folder, lockName))).toBe(true);
  await trainRun({ ...base, folder });
  await trainRun({ ...base, folder: join(root, 'whole') });
  expect(await snapshot(folder)).toEqual(await snapshot(join(root, 'whole')));
  expect((await readRunRecord(folder)).attempt).toBe(2);
});

test('a folder that another process trains in is refused, with force too', async () => {
  const folder = await temporaryFolder();
  const child = start(folder, 0, 1, 'SIGSTOP');
  await once(child, 'message');
  try {
    for (const force of [false, true]) {
      await expect(trainRun({ ...base, folder, force })).rejects.toThrow(`is being trained by process ${child.pid}`);
    }
    expect(existsSync(join(folder, 'metrics.jsonl'))).toBe(true);
  } finally {
    child.kill('SIGKILL');
  }
});
