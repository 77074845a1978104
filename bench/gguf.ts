/**
 * Checks `normlab convert --format gguf` with llama.cpp, which knows nothing of normlab: its logits with a converted file,
 * and with the unconverted one, beside those that were recorded for the source; and the ids that it makes of texts.
 *
 *   npm run bench:gguf -- [--install] [--json] [--cache .cache/bench-inference] [golden case ...]
 *
 * Without cases it is all of test/fixtures/golden that the format takes. llama.cpp takes gelu from a table in float16, and
 * erf's gelu in its tanh form: what the unconverted file is off by, the converted one may be too. `--install` fetches
 * node-llama-cpp with its library for this machine, about 85 MB, into the cache. Exit code 1 when a converted file is off by
 * more than 3 times the unconverted one and by more than 10⁻⁴ of the largest logit, or a text's ids differ.
 */
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openGguf, openSafetensors } from '../src/checkpoint/index.ts';
import { convertModel, writeGgufModel } from '../src/convert/index.ts';
import { CheckFailedError, InputError, RefusalError } from '../src/core/errors.ts';
import { formatTable } from '../src/core/format.ts';
import { createProgress } from '../src/core/progress.ts';
import { openModel, writeRandomModel } from '../src/models/index.ts';
import { startPeer } from './inference/peer.ts';
import { hasLlamaCpp, installLlamaCpp, llamaCppPeer } from './inference/peers.ts';
import { runBenchmark } from './run.ts';

const golden = fileURLToPath(new URL('../test/fixtures/golden', import.meta.url));
const tokenizers = fileURLToPath(new URL('../test/fixtures/tokenizers', import.meta.url));
const cacheByDefault = fileURLToPath(new URL('../.cache/bench-inference', import.meta.url));

/** After how many tokens logits are compared. */
const lengths = [1, 4, 9, 16];

interface Row {
  readonly case: string;
  readonly architecture: string;
  /** Largest difference of a logit to the recorded ones. */
  readonly converted: number;
  readonly unconverted: number;
  /** Largest difference between the two files. */
  readonly between: number;
  readonly largestLogit: number;
}

interface Recorded {
  readonly ids: readonly number[];
  /** After each of `lengths`. */
  readonly logits: readonly Float64Array[];
}

/** `context` is how many tokens the file's architecture computes as the source does. */
async function readRecorded(folder: string, context: number): Promise<Recorded> {
  const file = await openSafetensors(join(folder, 'golden.safetensors'));
  try {
    const [, sequence = 0] = file.tensors.get('input_ids')?.shape ?? [];
    const ids = [...(await file.readFloat64('input_ids', { end: 1 }))];
    const all = await file.readFloat64('logits', { end: 1 });
    const size = all.length / sequence;
    const used = lengths.filter((length) => length <= Math.min(sequence, context));
    return { ids, logits: used.map((length) => all.subarray((length - 1) * size, length * size)) };
  } finally {
    await file.close();
  }
}

async function logitsOf(gguf: string, { ids, logits }: Recorded, cache: string): Promise<readonly Float64Array[]> {
  const setting = { weights: { folder: '', gguf }, threads: 1, context: 64 };
  const peer = await startPeer(llamaCppPeer(cache, setting, 'off'));
  try {
    const results: Float64Array[] = [];
    for (const [i] of logits.entries()) results.push(Float64Array.from(await peer.logits(ids.slice(0, lengths[i]))));
    return results;
  } finally {
    peer.close();
  }
}

function difference(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  return Math.max(
    ...a.flatMap((row, i) => [...row].map((value, j) => Math.abs(value - (b[i]?.[j] ?? Number.POSITIVE_INFINITY)))),
  );
}

/** Converts what there is something to do for; norms of RMSNorm models are folded. False for what the format doesn't take. */
async function converts(source: string, out: string): Promise<boolean> {
  const options = { source, out, target: 'rmsnorm', format: 'gguf', dtype: 'float32' } as const;
  try {
    const { status } = await convertModel(options);
    return status === 'converted' || (await convertModel({ ...options, fold: true })).status === 'converted';
  } catch (error) {
    if (error instanceof RefusalError) return false;
    throw error;
  }
}

async function check(name: string, folder: string, cache: string): Promise<Row | undefined> {
  const source = join(golden, name);
  const out = join(folder, name);
  if (!(await converts(source, out))) return undefined;
  const model = await openModel(source);
  const unconverted = join(folder, `${name}.gguf`);
  await writeGgufModel(model, unconverted).finally(() => model.checkpoint.close());
  const converted = join(out, 'model.gguf');
  const file = await openGguf(converted);
  await file.close();
  const architecture = String(file.metadata.get('general.architecture'));
  const recorded = await readRecorded(source, Number(file.metadata.get(`${architecture}.context_length`)));
  const after = await logitsOf(converted, recorded, cache);
  const before = await logitsOf(unconverted, recorded, cache);
  return {
    case: name,
    architecture,
    converted: difference(after, recorded.logits),
    unconverted: difference(before, recorded.logits),
    between: difference(after, before),
    largestLogit: Math.max(...recorded.logits.flatMap((row) => [...row].map(Math.abs))),
  };
}

function isOff({ converted, unconverted, largestLogit }: Row): boolean {
  return !(converted <= 3 * unconverted || converted <= 1e-4 * largestLogit);
}

interface TokenizerRow {
  readonly tokenizer: string;
  readonly texts: number;
  /** Those of which llama.cpp makes other ids than Hugging Face's library did. */
  readonly differing: readonly string[];
}

/** A model with the files of a tokenizer is converted, and llama.cpp asked for the ids of the recorded texts. */
async function checkTokenizer(name: string, folder: string, cache: string): Promise<TokenizerRow> {
  const recorded: readonly { readonly text: string; readonly plain: readonly number[] }[] = JSON.parse(
    await readFile(join(tokenizers, name, 'recorded.json'), 'utf8'),
  );
  const { model } = JSON.parse(await readFile(join(tokenizers, name, 'tokenizer.json'), 'utf8'));
  const source = join(folder, `${name}-source`);
  const sizes = { n_embd: 32, n_head: 4, n_layer: 1, n_positions: 64 };
  const vocabularySize = Object.keys(model.vocab).length;
  await writeRandomModel({ out: source, config: { model_type: 'gpt2', vocab_size: vocabularySize, ...sizes } });
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
    await copyFile(join(tokenizers, name, file), join(source, file));
  }
  const out = join(folder, name);
  await convertModel({ source, out, target: 'rmsnorm', format: 'gguf', certify: false });
  const setting = { weights: { folder: '', gguf: join(out, 'model.gguf') }, threads: 1, context: 64 };
  const peer = await startPeer(llamaCppPeer(cache, setting, 'off'));
  try {
    const differing: string[] = [];
    for (const { text, plain } of recorded) {
      const ids = await peer.tokenize(text);
      if (ids.join() !== plain.join()) differing.push(text);
    }
    return { tokenizer: name, texts: recorded.length, differing };
  } finally {
    peer.close();
  }
}

function toText(rows: readonly Row[], texts: readonly TokenizerRow[]): string {
  const table = formatTable(
    ['case', 'architecture', 'converted', 'unconverted', 'between', 'largest logit'],
    rows.map((row) => [
      row.case,
      row.architecture,
      ...[row.converted, row.unconverted, row.between, row.largestLogit].map((value) => value.toExponential(1)),
    ]),
  );
  const lines = texts.map(
    (row) => `tokenizer ${row.tokenizer}: ${row.texts - row.differing.length} of ${row.texts} texts have the same ids`,
  );
  return [table, ...lines].join('\n');
}

async function main(signal: AbortSignal): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      install: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      cache: { type: 'string', default: cacheByDefault },
    },
  });
  const { cache } = values;
  if (values.install && !(await hasLlamaCpp(cache))) await installLlamaCpp(cache);
  if (!(await hasLlamaCpp(cache))) throw new InputError(`bench: llama.cpp is not in ${cache}; --install fetches it`);
  const folder = await mkdtemp(join(tmpdir(), 'normlab-gguf-'));
  const progress = createProgress();
  try {
    const rows: Row[] = [];
    for (const name of positionals.length > 0 ? positionals : (await readdir(golden)).sort()) {
      signal.throwIfAborted();
      progress.update(name);
      const row = await check(name, folder, cache);
      if (row !== undefined) rows.push(row);
    }
    const texts: TokenizerRow[] = [];
    for (const name of await readdir(tokenizers)) texts.push(await checkTokenizer(name, folder, cache));
    progress.done({ clear: true });
    process.stdout.write(`${values.json ? JSON.stringify({ rows, texts }, null, 2) : toText(rows, texts)}\n`);
    const off = [
      ...rows.flatMap((row) => (isOff(row) ? row.case : [])),
      ...texts.flatMap((row) => (row.differing.length > 0 ? row.tokenizer : [])),
    ];
    if (off.length > 0) throw new CheckFailedError(`off are ${off.join(', ')}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await runBenchmark('gguf', main);
