import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { InputError } from './errors.ts';
import { lockFolder } from './lock.ts';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-lock-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const lockName = 'work.lock';
const lock = (folder: string) => lockFolder(folder, { file: lockName, what: 'train', doing: 'trained' });

test('a lock is held until it is released', async () => {
  const folder = await temporaryFolder();
  const release = await lock(folder);
  await expect(lock(folder)).rejects.toThrow(`is being trained by process ${process.pid}`);
  await release();
  expect(await readdir(folder)).toEqual([]);
  await (await lock(folder))();
});

test('of many that want a stale lock at the same moment one gets it', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, lockName), '999999999 1\n');
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => lock(folder)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const result of results) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(InputError);
});

test.each([
  ['a process that is gone', async () => `${await idOfTheDead()} 12345\n`],
  ['an earlier process with our id', async () => `${process.pid} 1\n`],
  ['nothing', async () => ''],
  ['garbage', async () => 'not a lock\0'],
  ['a negative id', async () => '-1 1\n'],
  ['zero, which would be our own group', async () => '0 1\n'],
])('a lock of %s is taken over', async (_, content) => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, lockName), await content());
  const release = await lock(folder);
  expect(await readFile(join(folder, lockName), 'utf8')).toMatch(new RegExp(`^${process.pid} \\d`));
  await release();
  expect(await readdir(folder)).toEqual([]);
});

// Elsewhere nothing tells when a process started.
test.runIf(existsSync('/proc/self/stat'))(
  'a lock whose id belongs to another process by now is taken over',
  async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, lockName), `${process.ppid} 1\n`);
    await (await lock(folder))();
  },
);

test("a lock that another took over is not released with one's own", async () => {
  const folder = await temporaryFolder();
  const release = await lock(folder);
  await writeFile(join(folder, lockName), '1 1\n');
  await release();
  expect(existsSync(join(folder, lockName))).toBe(true);
});

async function idOfTheDead(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid ?? 0;
}
