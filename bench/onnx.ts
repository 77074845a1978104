/**
 * Exported graphs in transformers.js, beside what normlab computes for the models that they were made from.
 *
 *   npm run bench:onnx -- [--install] [--to rmsnorm|crmsnorm] [--tokens 8] [--json] [--cache .cache/bench-onnx] [model folders]
 *
 * Converts each folder (default: every golden one that converts) with `--format onnx`, loads the result with transformers.js
 * as any model of its class, and compares on a batch of two sequences, the second of them padded on the left: the logits of one
 * pass with float64 ones of the source, and the ids that `generate` makes greedily with those that the source makes.
 * `--install` fetches transformers.js into the cache folder, half a gigabyte. Exit code 1 where a class loads and its
 * numbers differ by more than float32 arithmetic does.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import { type ConversionTarget, conversionTargets, conversionVerdict, convertModel } from '../src/convert/index.ts';
import { CheckFailedError, InputError, messageOf } from '../src/core/errors.ts';
import { formatSignificant, formatTable } from '../src/core/format.ts';
import { createRandom } from '../src/core/random.ts';
import { evaluate, makeValue } from '../src/graph/index.ts';
import { buildDecoder, type Model, openModel, readParameters } from '../src/models/index.ts';
import { runBenchmark } from './run.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const peer = 'transformers-js';
const golden = here('../test/fixtures/golden');

/** Of the largest logit: a hundred times what float32 rounds a number by. */
const tolerance = 100 * 2 ** -24;
const lengths = { long: 12, short: 8 };

interface Sample {
  readonly ids: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
}

interface Expected {
  /** Of the positions that are no padding, row by row. */
  readonly logits: readonly Float64Array[];
  readonly generated: readonly (readonly number[])[];
}

interface Result {
  readonly model: string;
  /** The class of transformers.js; null where it loaded none. */
  readonly className: string | null;
  readonly error: string | null;
  /** Of the largest logit. */
  readonly logitDifference: number | null;
  readonly sameIds: boolean | null;
}

const answerSchema = z.union([
  z.object({ className: z.string(), logits: z.array(z.number()), generated: z.array(z.array(z.number())) }),
  z.object({ error: z.string() }),
]);
type Answer = z.infer<typeof answerSchema>;

function sampleOf({ spec: { vocabularySize } }: Model): Sample {
  const random = createRandom('bench onnx');
  const row = (length: number) => Array.from({ length }, () => random.integer(vocabularySize));
  const blank = Array<number>(lengths.long - lengths.short).fill(0);
  const ones = (length: number) => Array<number>(length).fill(1);
  return {
    ids: [row(lengths.long), [...blank, ...row(lengths.short)]],
    mask: [ones(lengths.long), [...blank, ...ones(lengths.short)]],
  };
}

async function expectedOf(model: Model, { ids, mask }: Sample, tokens: number): Promise<Expected> {
  const parameters = await readParameters(model);
  const { vocabularySize } = model.spec;
  const logitsOf = (row: readonly number[]) => {
    const { logits } = buildDecoder(model.spec, { batch: 1, sequence: row.length, storage: model.storage });
    const feeds = { ...parameters, input_ids: makeValue('int', [1, row.length], row) };
    return evaluate([logits], feeds)[0]?.data ?? new Float64Array();
  };
  const prompts = ids.map((row, i) => row.filter((_, j) => mask[i]?.[j] === 1));
  const generated = prompts.map((prompt) => {
    const all = [...prompt];
    for (let i = 0; i < tokens; i++) {
      const last = logitsOf(all).subarray(-vocabularySize);
      all.push(last.indexOf(last.reduce((a, b) => Math.max(a, b))));
    }
    return all.slice(prompt.length);
  });
  return { logits: prompts.map(logitsOf), generated };
}

/** How far the logits are apart, at the end of each row, as a part of the largest one. */
function differenceOf(expected: Expected, logits: readonly number[]): number {
  const size = logits.length / expected.logits.length;
  const differences = expected.logits.map((row, i) => {
    const own = logits.slice((i + 1) * size - row.length, (i + 1) * size);
    return row.reduce((most, value, j) => Math.max(most, Math.abs(value - (own[j] ?? Number.NaN))), 0);
  });
  const largest = Math.max(...expected.logits.map((row) => row.reduce((a, b) => Math.max(a, Math.abs(b)), 0)));
  return Math.max(...differences) / largest;
}

function judge(model: string, expected: Expected, answer: Answer): Result {
  if ('error' in answer) {
    const error = answer.error.split('\n')[0] ?? '';
    return { model, className: null, error, logitDifference: null, sameIds: null };
  }
  const { className, logits, generated } = answer;
  const sameIds = String(generated) === String(expected.generated);
  return { model, className, error: null, logitDifference: differenceOf(expected, logits), sameIds };
}

async function install(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    await copyFile(here(`peers/${peer}/${file}`), join(folder, file));
  }
  // Its install scripts fetch libraries for graphics cards.
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  try {
    await promisify(execFile)('npm', options, { cwd: folder });
  } catch (error) {
    const reason = messageOf(error).replace(/\s+/g, ' ').slice(0, 400);
    throw new InputError(`bench: transformers.js could not be installed in ${folder}: ${reason}`, { cause: error });
  }
}

async function startPeer(folder: string, models: string) {
  if (!existsSync(join(folder, 'node_modules'))) {
    throw new InputError(`bench: transformers.js is not installed in ${folder}; --install fetches it`);
  }
  await copyFile(here(`peers/${peer}/worker.mjs`), join(folder, 'worker.mjs'));
  const child = spawn(process.execPath, [join(folder, 'worker.mjs'), models], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(question: Sample & { readonly model: string; readonly newTokens: number }): Promise<Answer> {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const line = await lines.next();
      if (line.done) throw new InputError('bench: transformers.js ended without an answer');
      return answerSchema.parse(JSON.parse(line.value));
    },
    close: () => child.stdin.end(),
  };
}

/** The golden folders that convert. */
async function convertible(target: ConversionTarget): Promise<readonly string[]> {
  const folders: string[] = [];
  for (const name of readdirSync(golden)) {
    const model = await openModel(join(golden, name));
    await model.checkpoint.close();
    if (conversionVerdict(model, target).outcome === 'converts') folders.push(join(golden, name));
  }
  return folders;
}

async function main(signal: AbortSignal): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      to: { type: 'string', default: 'rmsnorm' },
      tokens: { type: 'string', default: '8' },
      cache: { type: 'string', default: '.cache/bench-onnx' },
      install: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const target = conversionTargets.find((name) => name === values.to);
  if (target === undefined) throw new InputError(`--to is ${values.to}, expected ${conversionTargets.join(' or ')}`);
  const newTokens = Number(values.tokens);
  const folder = resolve(values.cache, peer);
  const models = resolve(values.cache, 'models');
  if (values.install) await install(folder);
  const transformers = await startPeer(folder, models);
  const results: Result[] = [];
  try {
    for (const source of positionals.length > 0 ? positionals : await convertible(target)) {
      signal.throwIfAborted();
      const name = basename(source);
      // Weights in float32, so that what remains is the arithmetic.
      const options = { target, format: 'onnx', dtype: 'float32', certify: false, force: true, signal } as const;
      await convertModel({ source, out: join(models, name), ...options });
      const model = await openModel(source);
      try {
        const sample = sampleOf(model);
        const expected = await expectedOf(model, sample, newTokens);
        results.push(judge(name, expected, await transformers.ask({ model: name, newTokens, ...sample })));
      } finally {
        await model.checkpoint.close();
      }
    }
  } finally {
    transformers.close();
    await rm(models, { recursive: true, force: true });
  }
  process.stdout.write(`${values.json ? JSON.stringify(results, null, 2) : toText(results)}\n`);
  const wrong = results.filter(
    ({ logitDifference: d, sameIds }) => d !== null && !(d <= tolerance && sameIds === true),
  );
  if (wrong.length > 0) {
    throw new CheckFailedError(
      `transformers.js computes something else for ${wrong.map(({ model }) => model).join(', ')}`,
    );
  }
}

function toText(results: readonly Result[]): string {
  const columns = ['model', 'class', { header: 'Δlogit', align: 'right' as const }, 'same ids', ''];
  const rows = results.map(({ model, className, logitDifference, sameIds, error }) => [
    model,
    className ?? '–',
    logitDifference === null ? '–' : formatSignificant(logitDifference),
    sameIds === null ? '–' : sameIds ? 'yes' : 'no',
    error ?? '',
  ]);
  return formatTable(columns, rows);
}

await runBenchmark('onnx', main);
