import { expect, test } from 'vitest';
import { byteProgress, shareProgress, together } from './flow.ts';

test('progress says bytes and the time left at the speed so far', () => {
  const lines: string[] = [];
  let now = 0;
  const { onRead, onWritten } = byteProgress(
    [2048, 1024],
    (line) => lines.push(line),
    () => now,
  );
  now = 3000;
  onRead(2048);
  onWritten(256);
  now = 12_000;
  onWritten(768);
  expect(lines).toEqual([
    'writing: 0 B of 1.00 KiB, hashed 2.00 KiB',
    'writing: 256 B of 1.00 KiB, hashed 2.00 KiB, 9.00 s left',
    'writing: 1.00 KiB of 1.00 KiB, hashed 2.00 KiB',
  ]);
});

test('no time is foretold from a share that is too small to tell', () => {
  const lines: string[] = [];
  let now = 0;
  const { onWritten, onRead } = byteProgress(
    [1024, 2 ** 20],
    (line) => lines.push(line),
    () => now,
  );
  now = 3000;
  onRead(1024);
  onWritten(1024);
  onWritten(2 ** 14);
  expect(lines.map((line) => line.includes('left'))).toEqual([false, false, true]);
});

test('of work without bytes it says the share', () => {
  const lines: string[] = [];
  let now = 0;
  const onShare = shareProgress(
    'checking',
    (line) => lines.push(line),
    () => now,
  );
  now = 2000;
  onShare(0.25);
  now = 9000;
  onShare(1);
  expect(lines).toEqual(['checking: 25 %, 6.00 s left', 'checking: 100 %']);
});

test('the first error counts, and the other work is told to stop and waited for', async () => {
  let stopped = false;
  const work = together(new AbortController().signal, [
    async () => {
      throw new Error('first');
    },
    (stop) =>
      new Promise<never>((_, reject) => {
        stop.addEventListener('abort', () => {
          stopped = true;
          reject(new Error('second'));
        });
      }),
  ]);
  await expect(work).rejects.toThrow('first');
  expect(stopped).toBe(true);
});

test('an interrupt reaches both', async () => {
  const controller = new AbortController();
  const waiting = (stop: AbortSignal) =>
    new Promise<never>((_, reject) => stop.addEventListener('abort', () => reject(stop.reason)));
  const work = together(controller.signal, [waiting, waiting]);
  controller.abort(new Error('enough'));
  await expect(work).rejects.toThrow('enough');
});
