import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { exitCodes, InputError, InterruptedError } from './errors.ts';
import { withInterrupts, yieldToSignals } from './interrupt.ts';

const fixture = fileURLToPath(new URL('./interrupt.fixture.ts', import.meta.url));

/** Runs the fixture, and calls `onLine` with each line that it prints. */
async function runFixture(
  mode: string,
  onLine: (line: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<{ lines: string[]; code: number | null }> {
  const child = spawn(process.execPath, ['--import', 'tsx', fixture, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n').filter((part) => part !== '')) {
      lines.push(line);
      onLine(line, (signal) => child.kill(signal));
    }
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { lines, code };
}

describe('a process', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('that gets %s stops its work and exits with 130', async (name) => {
    const { lines, code } = await runFixture('obedient', (line, kill) => {
      if (line === 'working') kill(name);
    });
    expect(lines).toEqual(['working', `stopping for ${name}`, `interrupted by ${name}`]);
    expect(code).toBe(exitCodes.interrupted);
  });

  test('that does not stop exits at the second SIGINT', async () => {
    const { lines, code } = await runFixture('stubborn', async (line, kill) => {
      if (line === 'working') kill('SIGINT');
      if (line !== 'stopping for SIGINT') return;
      await setTimeout(400);
      kill('SIGINT');
    });
    expect(lines).toEqual(['working', 'stopping for SIGINT']);
    expect(code).toBe(exitCodes.interrupted);
  });
});

describe('withInterrupts', () => {
  const listeners = () => process.listenerCount('SIGINT') + process.listenerCount('SIGTERM');

  test('passes results and errors on and leaves no listeners', async () => {
    const before = listeners();
    expect(await withInterrupts(async () => listeners())).toBe(before + 2);
    await expect(withInterrupts(() => Promise.reject(new InputError('no')))).rejects.toThrow(InputError);
    expect(listeners()).toBe(before);
  });

  test('takes two signals of one keypress as one', async () => {
    const seen: string[] = [];
    const work = withInterrupts(
      async (signal) => {
        process.emit('SIGINT', 'SIGINT');
        process.emit('SIGINT', 'SIGINT');
        process.emit('SIGTERM', 'SIGTERM');
        await yieldToSignals(signal);
      },
      { onInterrupt: (name) => seen.push(name) },
    );
    await expect(work).rejects.toEqual(new InterruptedError('interrupted by SIGINT'));
    expect(seen).toEqual(['SIGINT']);
  });

  test('gives the result of work that finished nevertheless', async () => {
    const work = withInterrupts(async (signal) => {
      process.emit('SIGTERM', 'SIGTERM');
      return signal.aborted;
    });
    expect(await work).toBe(true);
  });

  test('names what went wrong while the work stopped', async () => {
    const cause = new InputError('disk full');
    const work = withInterrupts(async () => {
      process.emit('SIGINT', 'SIGINT');
      throw cause;
    });
    await expect(work).rejects.toEqual(new InterruptedError('interrupted by SIGINT; while it stopped: disk full'));
    await expect(work).rejects.toMatchObject({ cause, exitCode: 130 });
  });
});

test('yieldToSignals lets timers run, and throws nothing without an abort', async () => {
  let served = false;
  setImmediate(() => {
    served = true;
  });
  await yieldToSignals(new AbortController().signal);
  expect(served).toBe(true);
});
