/**
 * Converted models in other programs, and beside them what other tools' foldings of norms do to the same models.
 *
 *   npm run bench:peers -- --python <python> [--parts transformers,onnx,foldings] [--cases gpt2,llama] [--json]
 *     [--golden <folder>]… [--lens-python <python>]
 *
 * Every recorded model of test/fixtures/golden (or of `--golden`) is converted to all that it can become.
 *
 * transformers: logits of source and conversions (hf, llama) in float64, with weights in float64 and in the source's own element type.
 * onnx: exports in ONNX Runtime for Python and, where `--python` has it, in Optimum; `npm run bench:onnx` runs transformers.js.
 * foldings: the rules of SliceGPT and TransformerLens, and TransformerLens itself where `--lens-python` has it.
 *
 * The scripts in bench/peers say which packages their Python needs. Exit code 1 where a float64 folder is off by more than 10⁻¹⁰, another
 * one by more than its certificate allows, an export by more than float32, or where transformers misses or ignores a tensor.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { CheckFailedError, InputError } from '../src/core/errors.ts';
import { createProgress, type Progress } from '../src/core/progress.ts';
import { type CaseConversions, convertCase, recordedCases } from './peers/conversions.ts';
import { failuresOf, type PeersResult, peersText } from './peers/report.ts';
import { comparedSchema, exportedSchema, foldingSchema, lensSchema } from './peers/schemas.ts';
import { runScript } from './peers/script.ts';
import { runBenchmark } from './run.ts';

const partNames = ['transformers', 'onnx', 'foldings'] as const;
type Part = (typeof partNames)[number];

interface Options {
  readonly parts: readonly Part[];
  readonly python: string;
  readonly lensPython: string | undefined;
}

const peer = (path: string): string => fileURLToPath(new URL(`./peers/${path}`, import.meta.url));

async function measure(
  folders: readonly string[],
  { parts, python, lensPython }: Options,
  { out, progress, signal }: { readonly out: string; readonly progress: Progress; readonly signal: AbortSignal },
): Promise<PeersResult> {
  const runtimes = parts.filter((part) => part !== 'foldings');
  const cases: CaseConversions[] = [];
  for (const [i, folder] of folders.entries()) {
    progress.update(`converting ${i + 1} of ${folders.length}`);
    cases.push(await convertCase(folder, out, runtimes, signal));
  }
  const run = <T>(program: string, script: string, args: readonly string[], schema: z.ZodType<T>) => {
    const onLine = (count: number) => progress.update(`${basename(script)}: ${count} done`);
    return runScript({ program, script, args, schema, signal, onLine });
  };
  const jobs = join(out, 'jobs.json');
  await writeFile(jobs, JSON.stringify(cases.map(comparisonJob)));
  const compared = !parts.includes('transformers')
    ? []
    : await run(python, peer('convert_transformers.py'), ['--jobs', jobs], comparedSchema);
  const foldings = !parts.includes('foldings')
    ? []
    : await run(python, peer('folding_rules.py'), folders, foldingSchema);
  const lenses =
    lensPython === undefined || !parts.includes('foldings')
      ? []
      : await run(lensPython, peer('folding_transformer_lens.py'), folders, lensSchema);

  const exports = cases.flatMap(({ name, folder: source, conversions }) =>
    conversions
      .filter(({ runtime }) => runtime === 'onnx')
      .map(({ variant, folder }) => ({ name, variant, source, folder })),
  );
  const pairs = exports.flatMap(({ source, folder }) => [source, folder]);
  const exported =
    pairs.length === 0 ? [] : await run(python, peer('onnx_transformers.py'), ['--json', ...pairs], exportedSchema);
  return {
    cases: cases.map((one, i) => ({ ...one, compared: compared[i], folding: foldings[i], lens: lenses[i] })),
    exports: exports.map(({ name, variant }, i) => ({ name, variant, found: exported[i] })),
  };
}

const idsOf = ({ conversions }: CaseConversions) => conversions[0]?.certificate.inputs.inputIds ?? [[0]];

function comparisonJob(one: CaseConversions) {
  const loading = one.conversions.filter(({ runtime }) => runtime === 'transformers');
  return { source: one.folder, ids: idsOf(one), converted: loading.map(({ folder }) => folder) };
}

async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: {
      python: { type: 'string' },
      'lens-python': { type: 'string' },
      parts: { type: 'string', default: partNames.join(',') },
      golden: { type: 'string', multiple: true },
      cases: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const python = values.python ?? process.env.NORMLAB_PYTHON;
  if (python === undefined)
    throw new InputError('--python is missing: a Python with torch, transformers and safetensors');
  const asked = values.parts.split(',');
  const unknown = asked.find((name) => !partNames.some((part) => part === name));
  if (unknown !== undefined) throw new InputError(`--parts: ${unknown}, expected some of ${partNames.join(', ')}`);
  const parts = partNames.filter((part) => asked.includes(part));
  const parents = values.golden ?? [fileURLToPath(new URL('../test/fixtures/golden', import.meta.url))];
  const folders = await recordedCases(parents, values.cases?.split(',') ?? []);
  const out = await mkdtemp(join(tmpdir(), 'normlab-peers-'));
  const progress = createProgress();
  try {
    const options = { parts, python, lensPython: values['lens-python'] };
    const result = await measure(folders, options, { out, progress, signal });
    progress.done({ clear: true });
    process.stdout.write(`${values.json ? JSON.stringify(result, null, 2) : peersText(result)}\n`);
    const failures = failuresOf(result);
    if (failures.length > 0) throw new CheckFailedError(failures.join('; '));
  } finally {
    progress.done({ clear: true });
    await rm(out, { recursive: true, force: true });
  }
}

await runBenchmark('peers', main);
