/**
 * Converted models in Hugging Face transformers, and beside them what other tools' foldings of norms do to the same models.
 *
 *   npm run bench:peers -- --python <python> [--lens-python <python>] [--golden <folder>]… [--cases gpt2,llama] [--json]
 *
 * `--python` (or NORMLAB_PYTHON) has torch, transformers 4.52 and safetensors; `--lens-python` has TransformerLens besides (bench/peers/
 * folding_transformer_lens.py), whose columns stay empty without. Every recorded model of test/fixtures/golden (or of `--golden`) is converted to all
 * that it can become, with weights in float64 and in its own element type. transformers computes the logits of source and
 * conversions in float64 on the certificate's token ids. Exit code 1 where a float64 folder is off by more than 10⁻¹⁰,
 * another one by more than its certificate allows, or where transformers misses or ignores a tensor.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CheckFailedError, InputError, NormlabError } from '../src/core/errors.ts';
import { withInterrupts } from '../src/core/interrupt.ts';
import { createProgress, type Progress } from '../src/core/progress.ts';
import { type CaseConversions, convertCase, recordedCases } from './peers/conversions.ts';
import { runPython } from './peers/python.ts';
import { failuresOf, type PeersResult, peersText } from './peers/report.ts';
import { comparedSchema, foldingSchema, lensSchema } from './peers/schemas.ts';

interface Pythons {
  readonly python: string;
  readonly lens: string | undefined;
}

async function measure(
  folders: readonly string[],
  { python, lens }: Pythons,
  out: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<PeersResult> {
  const cases: CaseConversions[] = [];
  for (const [i, folder] of folders.entries()) {
    progress.update(`converting ${i + 1} of ${folders.length}`);
    cases.push(await convertCase(folder, out, signal));
  }
  const jobs = cases.map(({ folder, conversions }) => ({
    source: folder,
    ids: conversions[0]?.certificate.inputs.inputIds ?? [[0]],
    converted: conversions.filter(({ loads }) => loads).map((conversion) => conversion.folder),
  }));
  const jobFile = join(out, 'jobs.json');
  await writeFile(jobFile, JSON.stringify(jobs));
  const show = (what: string) => (count: number) => progress.update(`${what}: ${count} of ${folders.length}`);
  const compared = await runPython({
    python,
    script: 'convert_transformers.py',
    args: ['--jobs', jobFile],
    schema: comparedSchema,
    signal,
    onLine: show('transformers'),
  });
  const foldings = await runPython({
    python,
    script: 'folding_rules.py',
    args: folders,
    schema: foldingSchema,
    signal,
    onLine: show('folding rules'),
  });
  const lenses =
    lens === undefined
      ? []
      : await runPython({
          python: lens,
          script: 'folding_transformer_lens.py',
          args: folders,
          schema: lensSchema,
          signal,
          onLine: show('TransformerLens'),
        });
  return { cases: cases.map((one, i) => ({ ...one, compared: compared[i], folding: foldings[i], lens: lenses[i] })) };
}

async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: {
      python: { type: 'string' },
      'lens-python': { type: 'string' },
      golden: { type: 'string', multiple: true },
      cases: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const python = values.python ?? process.env.NORMLAB_PYTHON;
  if (python === undefined)
    throw new InputError('--python is missing: a Python with torch, transformers and safetensors');
  const parents = values.golden ?? [fileURLToPath(new URL('../test/fixtures/golden', import.meta.url))];
  const folders = await recordedCases(parents, values.cases?.split(',') ?? []);
  const out = await mkdtemp(join(tmpdir(), 'normlab-peers-'));
  const progress = createProgress();
  try {
    const result = await measure(folders, { python, lens: values['lens-python'] }, out, progress, signal);
    progress.done({ clear: true });
    process.stdout.write(`${values.json ? JSON.stringify(result, null, 2) : peersText(result)}\n`);
    const failures = failuresOf(result);
    if (failures.length > 0) throw new CheckFailedError(failures.join('; '));
  } finally {
    progress.done({ clear: true });
    await rm(out, { recursive: true, force: true });
  }
}

try {
  await withInterrupts(main);
} catch (error) {
  if (!(error instanceof NormlabError)) throw error;
  process.stderr.write(`bench peers: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
