import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { InputError } from './errors.ts';
import { makeFolder } from './makeFolder.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'normlab-folder-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('makes a folder with its parents, and takes one that is there', async () => {
  for (const _ of [1, 2]) await makeFolder(join(root, 'a', 'b'));
  expect((await stat(join(root, 'a', 'b'))).isDirectory()).toBe(true);
});

test('says in one line where none can be made', async () => {
  await writeFile(join(root, 'file'), '');
  await expect(makeFolder(join(root, 'file'))).rejects.toThrow(
    new InputError(`${join(root, 'file')}: is no folder; name another one`),
  );
  await expect(makeFolder(join(root, 'file', 'a'))).rejects.toThrow('a part of this path is a file');
  await expect(makeFolder('')).rejects.toThrow(InputError);
});

test.skipIf(!existsSync('/proc/self'))('ends in a file system that takes no folders', async () => {
  await expect(makeFolder('/proc/normlab/out')).rejects.toThrow('no folder can be made there');
});
