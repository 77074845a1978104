import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

// The comparison as it is installed: worker processes are forked from the compiled package only.

const bin = fileURLToPath(new URL('../bin/normlab.js', import.meta.url));
const size = ['--layers', '1', '--hidden', '16', '--heads', '2', '--context', '8', '--batch', '2', '--samples', '0'];

async function workplace(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-compare-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  await writeFile(
    join(folder, 'text.txt'),
    'All that is gold does not glitter, not all those who wander are lost. '.repeat(50),
  );
  return folder;
}

interface Running {
  readonly child: ChildProcess;
  readonly result: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
}

function compare(cwd: string, steps: number, ...more: readonly string[]): Running {
  const args = [
    bin,
    'compare',
    '--text',
    'text.txt',
    ...size,
    '--steps',
    String(steps),
    '--seeds',
    '1',
    '--out',
    'runs',
  ];
  const child = spawn(process.execPath, [...args, '--processes', '2', ...more], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  // Whatever a failing test leaves running.
  onTestFinished(() => void (child.exitCode ?? child.signalCode ?? process.kill(-(child.pid ?? 0), 'SIGKILL')));
  const written = { stdout: '', stderr: '' };
  child.stdout?.on('data', (text: Buffer) => (written.stdout += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (written.stderr += text.toString()));
  const result = once(child, 'close').then(() => ({ code: child.exitCode, ...written }));
  return { child, result };
}

const runs = ['layernorm-seed1', 'rmsnorm-seed1'];

/** The processes that train, once both have written metrics. */
async function trainers(cwd: string): Promise<readonly number[]> {
  const has = (run: string) => existsSync(join(cwd, 'runs', run, 'metrics.jsonl'));
  while (!runs.every(has)) await sleep(20);
  return runs.map((run) => Number.parseInt(readFileSync(join(cwd, 'runs', run, 'run.lock'), 'utf8'), 10));
}

async function ended(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(20);
  }
}

function locks(cwd: string): readonly string[] {
  return readdirSync(join(cwd, 'runs'), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('lock'));
}

test('norms are trained in processes of their own, and what ended is not trained again', async () => {
  const cwd = await workplace();
  const first = await compare(cwd, 20, '--json').result;
  expect(first).toMatchObject({ code: 0 });
  const comparison = JSON.parse(first.stdout);
  expect(comparison.norms.map(({ norm }: { norm: string }) => norm)).toEqual(['layernorm', 'rmsnorm']);
  expect(comparison.norms[1].paired).toMatchObject({ n: 1, ci: null });
  expect(first.stdout.length).toBeLessThan(5000);
  const second = await compare(cwd, 20, '--json').result;
  expect(second.stdout).toBe(first.stdout);
  expect(await compare(cwd, 21).result).toMatchObject({ code: 2, stdout: '' });
});

test.each([
  ['Ctrl-C in the terminal, which all processes get', (pid: number) => process.kill(-pid, 'SIGINT')],
  ['a signal to the parent alone', (pid: number) => process.kill(pid, 'SIGTERM')],
])('%s: checkpoints are written, nothing runs on, the next start goes on', async (_, stop) => {
  const cwd = await workplace();
  const { child, result } = compare(cwd, 100_000);
  const pids = await trainers(cwd);
  await sleep(300);
  stop(child.pid ?? Number.NaN);
  const { code, stderr } = await result;
  expect(code).toBe(130);
  expect(stderr.trim().split('\n').at(-1)).toMatch(/^normlab: interrupted by SIG(INT|TERM)$/);
  for (const pid of pids) await ended(pid);
  expect(locks(cwd)).toEqual([]);
  for (const run of runs) expect(existsSync(join(cwd, 'runs', run, 'checkpoint', 'state.safetensors'))).toBe(true);
  const lengths = runs.map((run) => readFileSync(join(cwd, 'runs', run, 'metrics.jsonl')).length);
  const again = compare(cwd, 100_000);
  while (!runs.every((run) => attempt(cwd, run) === 2)) await sleep(20);
  again.child.kill('SIGINT');
  expect((await again.result).code).toBe(130);
  for (const [i, run] of runs.entries()) {
    expect(readFileSync(join(cwd, 'runs', run, 'metrics.jsonl')).length).toBeGreaterThanOrEqual(lengths[i] ?? 0);
  }
});

function attempt(cwd: string, run: string): number {
  return JSON.parse(readFileSync(join(cwd, 'runs', run, 'run.json'), 'utf8')).attempt;
}

test('when the parent is killed its processes write checkpoints and end', async () => {
  const cwd = await workplace();
  const { child, result } = compare(cwd, 100_000);
  const pids = await trainers(cwd);
  child.kill('SIGKILL');
  await result;
  for (const pid of pids) await ended(pid);
  expect(locks(cwd)).toEqual([]);
});

test('when one process is killed one line says which run it was, and what to do', async () => {
  const cwd = await workplace();
  const { result } = compare(cwd, 100_000);
  const [first = Number.NaN, second = Number.NaN] = await trainers(cwd);
  process.kill(first, 'SIGKILL');
  const { code, stderr } = await result;
  expect(code).toBe(2);
  expect(stderr.trim().split('\n').at(-1)).toMatch(/^normlab: .*layernorm-seed1 was ended by SIGKILL.*--processes$/);
  await ended(second);
});
