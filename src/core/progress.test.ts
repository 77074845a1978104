import { describe, expect, test } from 'vitest';
import { createProgress } from './progress.ts';

/** A stream that keeps what was written, and a clock that a test sets. */
function setUp(terminal: { isTTY?: boolean; columns?: number }) {
  const written: string[] = [];
  const clock = { ms: 5000 };
  const stream = { ...terminal, write: (text: string) => written.push(text) };
  return { written, clock, progress: createProgress({ stream, everySeconds: 10, now: () => clock.ms }) };
}

/** What a terminal would show: a carriage return goes back to the line's start and overwrites. */
function screen(written: readonly string[]): string[] {
  return written
    .join('')
    .split('\n')
    .map((line) => {
      let shown: string[] = [];
      for (const part of line.split('\r')) shown = [...part, ...shown.slice([...part].length)];
      return shown.join('').trimEnd();
    });
}

describe('on a terminal', () => {
  test('rewrites one line, and leaves nothing of a longer one', () => {
    const { written, clock, progress } = setUp({ isTTY: true, columns: 40 });
    progress.update('step 10 of 1000, loss 2.5');
    clock.ms += 200;
    progress.update('step 11');
    expect(screen(written)).toEqual(['step 11']);
    progress.done();
    expect(screen(written)).toEqual(['step 11', '']);
  });

  test('writes at most ten times a second, and the last update when done', () => {
    const { written, clock, progress } = setUp({ isTTY: true, columns: 40 });
    for (let step = 0; step < 100; step++) {
      progress.update(`step ${step}`);
      clock.ms += 5;
    }
    expect(written).toHaveLength(5);
    progress.done();
    expect(screen(written)).toEqual(['step 99', '']);
  });

  test.each([1, 2, 10, 200])('clips to a width of %i', (columns) => {
    const { written, progress } = setUp({ isTTY: true, columns });
    progress.update('𝛾 = 1, a line of some length');
    const [line = ''] = screen(written);
    expect([...line].length).toBeLessThanOrEqual(Math.max(1, columns - 1));
    if (columns === 10) expect(line).toBe('𝛾 = 1, a…');
  });

  test('takes a width of 80 where the terminal tells none', () => {
    const { written, progress } = setUp({ isTTY: true, columns: 0 });
    progress.update('x'.repeat(200));
    expect([...(screen(written)[0] ?? '')]).toHaveLength(79);
  });

  test('keeps logged lines above the progress', () => {
    const { written, progress } = setUp({ isTTY: true, columns: 40 });
    progress.update('step 10 of 20');
    progress.log('saved');
    expect(screen(written)).toEqual(['saved', 'step 10 of 20']);
    progress.done({ clear: true });
    expect(screen(written)).toEqual(['saved', '']);
  });

  test('lets no update move the cursor', () => {
    const { written, progress } = setUp({ isTTY: true, columns: 60 });
    progress.update('sample: a\nb\u001b[2Jc\td\r');
    expect(screen(written)).toEqual(['sample: a bc d']);
  });
});

describe('elsewhere', () => {
  test('writes whole lines, at most one per period, and the last one', () => {
    const { written, clock, progress } = setUp({});
    for (let step = 0; step <= 25; step++) {
      progress.update(`step ${step}`);
      clock.ms += 1000;
    }
    progress.done();
    expect(written).toEqual(['step 0\n', 'step 10\n', 'step 20\n', 'step 25\n']);
  });

  test('does not repeat the last line, nor write without updates', () => {
    const { written, progress } = setUp({});
    progress.update('only');
    progress.log('saved');
    progress.done();
    progress.done();
    expect(written).toEqual(['only\n', 'saved\n']);
  });
});
