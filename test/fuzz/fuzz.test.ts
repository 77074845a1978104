import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { InputError } from '../../src/core/errors.ts';
import { fuzz, inputOf, partParsed } from './fuzz.ts';
import { type Target, targetsIn } from './targets.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'normlab-fuzz-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('files of strangers are taken or refused with one line', async () => {
  const { counts, failures, refusals } = await fuzz(targetsIn(folder), { seed: '1', inputs: 3000 });
  expect(failures).toEqual([]);
  expect(partParsed(counts)).toBeGreaterThan(0.5);
  for (const { accepted, refused } of Object.values(counts)) {
    expect(accepted).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  }
  expect(refusals['config.json']).toBeGreaterThan(100);
});

test('inputs depend on the seed and their number alone', () => {
  for (const target of targetsIn(folder)) {
    expect(inputOf(target, 'a', 7)).toEqual(inputOf(target, 'a', 7));
    expect(inputOf(target, 'a', 7)).not.toEqual(inputOf(target, 'b', 7));
  }
});

test('any other error, and a refusal of two lines, is a failure', async () => {
  const throwing = (error?: Error): Target => ({
    name: error?.message ?? 'fine',
    share: 1,
    make: () => new Uint8Array(),
    read: async () => {
      if (error) throw error;
    },
    isShallow: (message) => message === 'shallow',
  });
  const errors = [
    new TypeError('a bug'),
    new InputError('two\nlines'),
    new InputError('shallow'),
    new InputError('deep'),
  ];
  const { counts, failures } = await fuzz([throwing(), ...errors.map(throwing)], { seed: '1', inputs: 5 });
  expect(failures.map(({ target }) => target)).toEqual(['a bug', 'two\nlines']);
  expect(counts.shallow).toMatchObject({ shallow: 1, refused: 0 });
  expect(counts.deep).toMatchObject({ shallow: 0, refused: 1 });
  expect(partParsed(counts)).toBe(2 / 5);
});
