/**
 * Reads mutated and generated files with every reader that meets files of strangers: safetensors, shard indexes,
 * config.json of all families, GGUF, ONNX, and the conversion of ONNX models.
 *
 *   npm run fuzz -- [--inputs 100000] [--seed <text>]
 *
 * An input is either taken or refused with one line. Exit code 1 for anything else: another error, a crash, an input that
 * takes more than 10 s, a process of more than 600 MiB, a file outside of the folder; and where less than half of the inputs
 * got past the reader's parser. Inputs that failed are saved, and the same seed makes the same ones again.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatBytes, formatTable } from '../../src/core/format.ts';
import { type Failure, type FuzzResult, inputOf, maxResidentBytes, maxSeconds, partParsed } from './fuzz.ts';
import { targetsIn } from './targets.ts';

type ChildResult = FuzzResult & { readonly peakBytes: number };

/** JavaScript's own part of the bound; the rest is Node itself and what typed arrays hold. */
const heapMegabytes = 256;

async function run(seed: string, inputs: number, folder: string): Promise<ChildResult | Failure> {
  const statusPath = join(folder, 'status');
  await writeFile(statusPath, new Uint8Array(8));
  const script = fileURLToPath(new URL('./child.ts', import.meta.url));
  const args = [
    `--max-old-space-size=${heapMegabytes}`,
    ...process.execArgv,
    script,
    seed,
    `${inputs}`,
    folder,
    statusPath,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors = `${errors}${chunk}`.slice(-4000);
  });
  let last = '';
  let since = performance.now();
  let hangs = false;
  const watch = setInterval(async () => {
    const now = (await readFile(statusPath)).toString('hex');
    if (now !== last) since = performance.now();
    last = now;
    // Twice: the child itself calls an input slow that ends.
    if (performance.now() - since < 2000 * maxSeconds) return;
    hangs = true;
    child.kill('SIGKILL');
  }, 500);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  clearInterval(watch);
  if (code === 0) return JSON.parse(text);
  const status = await readFile(statusPath);
  const target = targetsIn(await mkdtemp(join(folder, 'again-')))[status.readUInt32LE(0)];
  const reason = hangs
    ? `took more than ${2 * maxSeconds} s`
    : `the process died (${code ?? 'a signal'}): ${errors.trim()}`;
  return { target: target?.name ?? '', input: status.readUInt32LE(4), reason };
}

async function report(result: ChildResult | Failure, seed: string, folder: string): Promise<boolean> {
  const failures = 'failures' in result ? result.failures : [result];
  const targets = targetsIn(await mkdtemp(join(folder, 'again-')));
  for (const { target: name, input, reason } of failures.slice(0, 20)) {
    const target = targets.find((entry) => entry.name === name);
    const path = join(tmpdir(), `normlab-fuzz-${name.replace(/\W/g, '-')}-${seed}-${input}`);
    if (target !== undefined) await writeFile(path, inputOf(target, seed, input));
    process.stdout.write(`FAILED ${name}, input ${input}, saved as ${path}: ${reason}\n`);
  }
  if (!('counts' in result)) return false;
  const right = (header: string) => ({ header, align: 'right' as const });
  const rows = Object.entries(result.counts).map(([name, { inputs, shallow, refused, accepted }]) => [
    name,
    `${inputs}`,
    `${shallow}`,
    `${refused}`,
    `${accepted}`,
    `${result.refusals[name]}`,
  ]);
  const headers = ['inputs', 'not parsed', 'parsed, refused', 'taken', 'kinds of refusals'].map(right);
  const part = partParsed(result.counts);
  process.stdout.write(`${formatTable(['reader', ...headers], rows)}
${(100 * part).toFixed(1)}% were parsed, at least 50% are expected; ${failures.length} failed
peak memory ${formatBytes(result.peakBytes)}, at most ${formatBytes(maxResidentBytes)} are allowed\n`);
  return failures.length === 0 && part >= 0.5 && result.peakBytes <= maxResidentBytes;
}

const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '100000' }, seed: { type: 'string', default: `${Date.now()}` } },
});
const folder = await mkdtemp(join(tmpdir(), 'normlab-fuzz-'));
const started = performance.now();
process.stdout.write(`seed ${values.seed}\n`);
try {
  const passed = await report(await run(values.seed, Number(values.inputs), folder), values.seed, folder);
  process.stdout.write(`${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  if (!passed) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
