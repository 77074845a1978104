import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { InputError } from '../core/errors.ts';
import { loadTextFiles } from './index.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'normlab-text-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, contents: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, contents);
  return path;
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test('the end of each file is held out, files are set apart', async () => {
  const one = await file('one.txt', 'abcdefghijklmnopqrstuvwxyz0123');
  const two = await file('two.txt', `${'x'.repeat(18)}yz`);
  const corpus = await loadTextFiles([one, two]);
  expect(decode(corpus.train)).toBe(`abcdefghijklmnopqrstuvwxyz0\n\n${'x'.repeat(18)}`);
  expect(decode(corpus.validation)).toBe('123\n\nyz');
  expect(corpus).toMatchObject({
    name: 'one.txt, two.txt',
    description: 'one.txt, two.txt: the last 10 % of each held out.',
  });
  const half = await loadTextFiles([two], { validationFraction: 0.5 });
  expect([half.train.length, half.validation.length]).toEqual([10, 10]);
});

test('the hash tells texts and splits apart', async () => {
  // shasum -a 256: printf '18\nxxxxxxxxxxxxxxxxxx2\nyz'
  const path = await file('hash.txt', `${'x'.repeat(18)}yz`);
  const corpus = await loadTextFiles([path]);
  expect(corpus.sha256).toBe('00ccb1246590c77d99f25545b491273f74ac090e891a72a1891cd2b694945f5b');
  expect((await loadTextFiles([path])).sha256).toBe(corpus.sha256);
  expect((await loadTextFiles([path], { validationFraction: 0.2 })).sha256).not.toBe(corpus.sha256);
});

test('every file that is no text is refused, by name and in one line', async () => {
  const good = await file('good.txt', 'x'.repeat(100));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const cases: [path: string, message: RegExp][] = [
    [join(folder, 'pipe'), /pipe: is a device or a pipe, expected a file/],
    [join(folder, 'none.txt'), /none\.txt: no such file/],
    [folder, /is a folder, expected a file/],
    [await file('empty.txt', ''), /empty\.txt: is empty, needs at least 20/],
    [await file('short.txt', 'x'.repeat(19)), /short\.txt: has 19 bytes, needs at least 20/],
    [
      await file('utf16.txt', Buffer.from('x'.repeat(50), 'utf16le')),
      /utf16\.txt: is no plain text \(byte 1 is zero\)/,
    ],
  ];
  for (const [path, message] of cases) {
    const error = await loadTextFiles([good, path]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InputError);
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toContain('\n');
  }
});

test('options that leave nothing are refused', async () => {
  await expect(loadTextFiles([])).rejects.toThrow('no file was named');
  for (const validationFraction of [0, 1, -1, Number.NaN]) {
    await expect(loadTextFiles(['x'], { validationFraction })).rejects.toThrow(InputError);
  }
  const path = await file('most.txt', 'x'.repeat(20));
  await expect(loadTextFiles([path], { validationFraction: 0.99 })).rejects.toThrow('needs at least 200');
});
