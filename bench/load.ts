/**
 * Seconds and memory that it takes to load large models and compute logits, each in a process of its own.
 *
 *   npm run bench:load -- [--models gpt3-xl,llama-1b,llama-1b-f16] [--folder <kept models>] [--tokens 512] [--threads 2] [--json]
 *
 * Models have random weights. With --folder they are kept there and found again. Memory is the most that the process
 * ever held (VmHWM, getrusage), Node, the file pages that it mapped and the activations among it. Exit code 1 where that is
 * more than 1.3 times the weights in float32.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { FloatDType } from '../src/core/dtype.ts';
import { CheckFailedError, InputError } from '../src/core/errors.ts';
import { formatBytes, formatSignificant, formatTable } from '../src/core/format.ts';
import { createProgress } from '../src/core/progress.ts';
import { findPreset, writeRandomModel } from '../src/models/index.ts';
import { type Loaded, parseLoaded } from './load/loaded.ts';
import { runBenchmark } from './run.ts';

/** What memory may be, times the weights in the engine's dtype. */
const limit = 1.3;

interface BenchedModel {
  readonly name: string;
  readonly preset: string;
  readonly dtype: FloatDType;
}

const models: readonly BenchedModel[] = [
  { name: 'gpt3-xl', preset: 'gpt3-xl', dtype: 'float32' },
  { name: 'llama-1b', preset: 'llama-3.2-1b', dtype: 'bfloat16' },
  { name: 'llama-1b-f16', preset: 'llama-3.2-1b', dtype: 'float16' },
  { name: 'llama-1b-f32', preset: 'llama-3.2-1b', dtype: 'float32' },
];

interface Row extends Loaded {
  readonly name: string;
  readonly dtype: FloatDType;
  readonly writeSeconds: number | null;
  /** Peak resident memory over the weights in float32. */
  readonly ratio: number;
}

async function measure(
  model: BenchedModel,
  folder: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Row> {
  const progress = createProgress();
  const started = performance.now();
  const exists = await stat(join(folder, 'config.json')).then(
    () => true,
    () => false,
  );
  if (!exists) {
    await writeRandomModel({
      config: findPreset(model.preset).config,
      dtype: model.dtype,
      out: folder,
      signal,
      onProgress: (fraction) => progress.update(`writing ${model.name}: ${Math.floor(100 * fraction)}%`),
    });
  }
  const writeSeconds = exists ? null : (performance.now() - started) / 1000;
  progress.update(`loading ${model.name}`);
  const loaded = await inFreshProcess([folder, ...args], signal).finally(() => progress.done({ clear: true }));
  return {
    name: model.name,
    dtype: model.dtype,
    writeSeconds,
    ...loaded,
    ratio: loaded.peakBytes / loaded.weightBytes,
  };
}

/** What `load/one.ts` prints. */
async function inFreshProcess(args: readonly string[], signal: AbortSignal): Promise<Loaded> {
  const script = fileURLToPath(new URL('./load/one.ts', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  if (code !== 0)
    throw new InputError(`bench load: the process that loads ${args[0]} ended with ${code ?? 'a signal'}`);
  return parseLoaded(text);
}

function toTable(rows: readonly Row[]): string {
  return formatTable(
    [
      'model',
      'stored as',
      { header: 'weights, float32', align: 'right' },
      { header: 'load s', align: 'right' },
      { header: 'first logits s', align: 'right' },
      { header: 'again s', align: 'right' },
      { header: 'peak memory', align: 'right' },
      { header: 'ratio', align: 'right' },
    ],
    rows.map((row) => [
      row.name,
      row.dtype,
      formatBytes(row.weightBytes),
      formatSignificant(row.loadSeconds),
      formatSignificant(row.firstSeconds),
      formatSignificant(row.secondSeconds),
      formatBytes(row.peakBytes),
      formatSignificant(row.ratio),
    ]),
  );
}

async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: {
      models: { type: 'string', default: 'gpt3-xl,llama-1b' },
      folder: { type: 'string' },
      tokens: { type: 'string', default: '512' },
      threads: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const chosen = values.models.split(',').map((name) => {
    const model = models.find((entry) => entry.name === name);
    if (model !== undefined) return model;
    throw new InputError(`bench load: no model ${name}; there are ${models.map((entry) => entry.name).join(', ')}`);
  });
  if (values.folder !== undefined) await mkdir(values.folder, { recursive: true });
  const parent = values.folder ?? (await mkdtemp(join(tmpdir(), 'normlab-load-')));
  const args = [values.tokens, ...(values.threads === undefined ? [] : [values.threads])];
  const rows: Row[] = [];
  try {
    for (const model of chosen) {
      rows.push(await measure(model, join(parent, model.name), args, signal));
      if (values.folder === undefined) await rm(join(parent, model.name), { recursive: true, force: true });
    }
  } finally {
    if (values.folder === undefined) await rm(parent, { recursive: true, force: true });
  }
  process.stdout.write(
    `${values.json ? JSON.stringify({ tokens: Number(values.tokens), rows }, null, 2) : toTable(rows)}\n`,
  );
  const over = rows.find(({ ratio }) => ratio > limit);
  if (over) {
    throw new CheckFailedError(
      `bench load: ${over.name} took ${over.ratio.toFixed(2)} times its weights, ${limit} are allowed`,
    );
  }
}

await runBenchmark('load', main);
