/**
 * Checks `normlab convert --format gguf` with llama.cpp, which knows nothing of normlab: its logits with a converted file,
 * and with the unconverted one, beside those that were recorded for the source.
 *
 *     npx tsx bench/gguf.ts [--install] [--json] [--keep folder] [--cache .cache/bench-inference] [golden case ...]
 *
 * Without cases it is all of test/fixtures/golden that the format takes. llama.cpp computes gelu from a table in float16, and erf's gelu in its tanh
 * form: what the unconverted file is off by, the converted one may be too. `--install` fetches node-llama-cpp with its library for this machine, about
 * 85 MB, into the cache. Exit code 1 when a converted file is off by more than 3 times the unconverted one and by more than
 * 10⁻⁴ of the largest logit.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openGguf, openSafetensors } from '../src/checkpoint/index.ts';
import { convertModel, writeGgufModel } from '../src/convert/index.ts';
import { InputError, RefusalError } from '../src/core/errors.ts';
import { openModel } from '../src/models/index.ts';
import { startPeer } from './inference/peer.ts';
import { hasLlamaCpp, installLlamaCpp, llamaCppPeer } from './inference/peers.ts';

const golden = fileURLToPath(new URL('../test/fixtures/golden', import.meta.url));
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

async function readRecorded(folder: string): Promise<Recorded> {
  const file = await openSafetensors(join(folder, 'golden.safetensors'));
  try {
    const [, sequence = 0] = file.tensors.get('input_ids')?.shape ?? [];
    const ids = [...(await file.readFloat64('input_ids', { end: 1 }))];
    const all = await file.readFloat64('logits', { end: 1 });
    const size = all.length / sequence;
    const used = lengths.filter((length) => length <= sequence);
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

async function check(name: string, folder: string, cache: string): Promise<Row | undefined> {
  const source = join(golden, name);
  const out = join(folder, name);
  try {
    const result = await convertModel({ source, out, target: 'rmsnorm', format: 'gguf', dtype: 'float32' });
    if (result.status !== 'converted') return undefined;
  } catch (error) {
    if (error instanceof RefusalError) return undefined;
    throw error;
  }
  const model = await openModel(source);
  const unconverted = join(folder, `${name}.gguf`);
  await writeGgufModel(model, unconverted).finally(() => model.checkpoint.close());
  const converted = join(out, 'model.gguf');
  const file = await openGguf(converted);
  await file.close();
  const recorded = await readRecorded(source);
  const after = await logitsOf(converted, recorded, cache);
  const before = await logitsOf(unconverted, recorded, cache);
  return {
    case: name,
    architecture: String(file.metadata.get('general.architecture')),
    converted: difference(after, recorded.logits),
    unconverted: difference(before, recorded.logits),
    between: difference(after, before),
    largestLogit: Math.max(...recorded.logits.flatMap((row) => [...row].map(Math.abs))),
  };
}

function isOff({ converted, unconverted, largestLogit }: Row): boolean {
  return !(converted <= 3 * unconverted || converted <= 1e-4 * largestLogit);
}

function toText(rows: readonly Row[]): string {
  const columns = ['case', 'architecture', 'converted', 'unconverted', 'between', 'largest logit'];
  const number = (value: number) => value.toExponential(1);
  const cells = rows.map((row) => [
    row.case,
    row.architecture,
    number(row.converted),
    number(row.unconverted),
    number(row.between),
    number(row.largestLogit),
  ]);
  const widths = columns.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const line = (parts: readonly string[]) =>
    parts
      .map((part, i) => part.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [columns, ...cells].map(line).join('\n');
}

async function main(): Promise<number> {
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
  try {
    const rows: Row[] = [];
    for (const name of positionals.length > 0 ? positionals : (await readdir(golden)).sort()) {
      const row = await check(name, folder, cache);
      if (row !== undefined) rows.push(row);
    }
    process.stdout.write(`${values.json ? JSON.stringify(rows, null, 2) : toText(rows)}\n`);
    const off = rows.filter(isOff);
    if (off.length > 0) process.stderr.write(`off: ${off.map((row) => row.case).join(', ')}\n`);
    return off.length > 0 ? 1 : 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();
