/**
 * Speed and memory of `convert --no-certify`, beside a copy of the same file and a sync.
 *
 *   npm run bench:convert -- [--parameters 2.5] [--repeats 5] [--threads <n>] [--folder <kept model>] [--json]
 *
 * Writes a GPT-NeoX of that many billion parameters with random weights in bfloat16, then copies (cp --reflink=never,
 * sync) and converts it in turns, each time with no file in the system's cache where that may be emptied. Exit code 1
 * where convert is slower than 0.6 times the copy, or takes more than 1 GiB above the idle process. On a busy machine the
 * processor's seconds for a gigabyte say more than the time that passed.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import { CheckFailedError, InputError } from '../src/core/errors.ts';
import { formatBytes, formatSignificant, formatTable } from '../src/core/format.ts';
import { createProgress } from '../src/core/progress.ts';
import { createRandom } from '../src/core/random.ts';
import { median, type Ratio, ratioOfPairs } from '../src/core/statistics/index.ts';
import { writeRandomModel } from '../src/models/index.ts';
import { runBenchmark } from './run.ts';

const execute = promisify(execFile);

/** What the conversion has to reach: a part of the copy's speed, and memory above the idle process. */
const limits = { ratio: 0.6, bytes: 2 ** 30 };

const convertedSchema = z.object({
  seconds: z.number(),
  cpuSeconds: z.number(),
  idleBytes: z.number(),
  peakBytes: z.number(),
});

const vocabularySize = 50304;

/** Of the shape of Pythia 2.8B: 32 layers of 2560 have 2.52 billion parameters in their linears. */
function configOf(parameters: number): Readonly<Record<string, unknown>> {
  const hiddenSize = 64 * Math.max(1, Math.round(40 * Math.cbrt(parameters / 2.775e9)));
  const perLayer = 12 * hiddenSize ** 2;
  return {
    architectures: ['GPTNeoXForCausalLM'],
    model_type: 'gpt_neox',
    vocab_size: vocabularySize,
    hidden_size: hiddenSize,
    intermediate_size: 4 * hiddenSize,
    num_hidden_layers: Math.max(1, Math.round((parameters - 2 * vocabularySize * hiddenSize) / perLayer)),
    num_attention_heads: hiddenSize / 64,
    max_position_embeddings: 2048,
    rotary_pct: 0.25,
    use_parallel_residual: true,
    hidden_act: 'gelu',
    layer_norm_eps: 1e-5,
    tie_word_embeddings: false,
  };
}

/** Writes what waits to be written and empties the file cache; false where that is not permitted. */
async function dropCaches(): Promise<boolean> {
  await execute('sync');
  return writeFile('/proc/sys/vm/drop_caches', '3').then(
    () => true,
    () => false,
  );
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

async function measure(
  source: string,
  parent: string,
  repeats: number,
  threads: readonly string[],
  signal: AbortSignal,
) {
  const script = fileURLToPath(new URL('./convert/one.ts', import.meta.url));
  const out = join(parent, 'out');
  const copies: number[] = [];
  const conversions: z.infer<typeof convertedSchema>[] = [];
  let cold = true;
  const copy = async () => {
    cold = (await dropCaches()) && cold;
    const seconds = await secondsOf(async () => {
      await execute('cp', ['-r', '-L', '--reflink=never', source, out], { signal });
      await execute('sync', { signal });
    });
    copies.push(seconds);
  };
  const convert = async () => {
    cold = (await dropCaches()) && cold;
    const { stdout } = await execute(process.execPath, [...process.execArgv, script, source, out, ...threads], {
      signal,
    });
    conversions.push(convertedSchema.parse(JSON.parse(stdout)));
  };
  for (let i = 0; i < repeats; i++) {
    // In turns, and the order too, so that what drifts meets both alike.
    for (const work of i % 2 === 0 ? [copy, convert] : [convert, copy]) {
      await work();
      await rm(out, { recursive: true, force: true });
    }
  }
  return { copies, conversions, cold };
}

async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: {
      parameters: { type: 'string', default: '2.5' },
      repeats: { type: 'string', default: '5' },
      threads: { type: 'string' },
      folder: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [parameters, repeats] = [1e9 * Number(values.parameters), Number(values.repeats)];
  if (!(parameters > 0)) throw new InputError(`--parameters is ${values.parameters}, expected billions above 0`);
  if (!(Number.isInteger(repeats) && repeats >= 2))
    throw new InputError(`--repeats is ${values.repeats}, expected 2 or more`);
  const parent = await mkdtemp(join(values.folder ?? tmpdir(), 'normlab-convert-')).catch(async () => {
    await mkdir(values.folder ?? '', { recursive: true });
    return mkdtemp(join(values.folder ?? '', 'normlab-convert-'));
  });
  const source = join(values.folder ?? parent, 'source');
  const progress = createProgress();
  try {
    const exists = await stat(join(source, 'config.json')).catch(() => undefined);
    if (exists === undefined) {
      await writeRandomModel({
        config: configOf(parameters),
        dtype: 'bfloat16',
        out: source,
        signal,
        onProgress: (part) => progress.update(`writing the model: ${Math.floor(100 * part)}%`),
      });
    }
    progress.update('measuring');
    const threads = values.threads === undefined ? [] : [values.threads];
    const { copies, conversions, cold } = await measure(source, parent, repeats, threads, signal);
    progress.done({ clear: true });
    const files = await Promise.all((await readdir(source)).map((name) => stat(join(source, name))));
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const seconds = conversions.map((run) => run.seconds);
    const ratio = ratioOfPairs(copies, seconds, { random: createRandom(0) });
    const memoryBytes = Math.max(...conversions.map(({ peakBytes, idleBytes }) => peakBytes - idleBytes));
    const cpuSecondsPerGigabyte = median(conversions.map((run) => run.cpuSeconds)) / (bytes / 1e9);
    const result = {
      bytes,
      coldCaches: cold,
      copySeconds: copies,
      convertSeconds: seconds,
      cpuSecondsPerGigabyte,
      ratio,
      memoryBytes,
    };
    process.stdout.write(`${values.json ? JSON.stringify(result, null, 2) : toText(result)}\n`);
    if (ratio.ratio < limits.ratio || memoryBytes > limits.bytes) {
      throw new CheckFailedError(
        `convert has ${ratio.ratio.toFixed(2)} of the copy's speed and takes ${formatBytes(memoryBytes)}; at least ${limits.ratio} and at most ${formatBytes(limits.bytes)} are expected`,
      );
    }
  } finally {
    progress.done({ clear: true });
    await rm(parent, { recursive: true, force: true });
  }
}

interface Result {
  readonly bytes: number;
  readonly coldCaches: boolean;
  readonly copySeconds: readonly number[];
  readonly convertSeconds: readonly number[];
  /** Of all threads, in user mode and in the system. */
  readonly cpuSecondsPerGigabyte: number;
  readonly ratio: Ratio;
  readonly memoryBytes: number;
}

function toText(result: Result): string {
  const { bytes, coldCaches, copySeconds, convertSeconds, cpuSecondsPerGigabyte, ratio, memoryBytes } = result;
  const row = (name: string, seconds: readonly number[]) => [
    name,
    formatSignificant(median(seconds)),
    formatSignificant(bytes / median(seconds) / 1e9),
  ];
  const right = (header: string) => ({ header, align: 'right' as const });
  return [
    `${formatBytes(bytes)}, ${copySeconds.length} repeats, ${coldCaches ? 'caches emptied before each' : 'warm caches: they may not be emptied here'}`,
    formatTable(['', right('median s'), right('GB/s')], [row('cp, sync', copySeconds), row('convert', convertSeconds)]),
    `convert has ${ratio.ratio.toFixed(2)} of the copy's speed, 95% interval ${ratio.ci.low.toFixed(2)} to ${ratio.ci.high.toFixed(2)}; at least ${limits.ratio} is expected`,
    `convert takes ${formatSignificant(cpuSecondsPerGigabyte)} s of the processor for a gigabyte`,
    `peak memory of convert above the idle process: ${formatBytes(memoryBytes)}, at most ${formatBytes(limits.bytes)} are allowed`,
  ].join('\n');
}

await runBenchmark('convert', main);
