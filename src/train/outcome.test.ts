import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InputError } from '../core/errors.ts';
import { createRandom } from '../core/random.ts';
import { temporaryFolder } from './folder.fixture.ts';
import { type MetricsLine, readEnd, readMetrics } from './metrics.ts';
import { readOutcome } from './outcome.ts';
import { runRecord } from './record.ts';
import { tinyConfig, tinyCorpus } from './runs.fixture.ts';

async function runFolder(lines: readonly MetricsLine[]): Promise<string> {
  const folder = await temporaryFolder();
  const record = runRecord(tinyConfig({ seed: 7 }), tinyCorpus(), 1, { threads: 1 }, null);
  await writeFile(join(folder, 'run.json'), JSON.stringify(record));
  await writeFile(join(folder, 'metrics.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return folder;
}

const step = (number: number, gradNorm: number | null, loss: number | null = 5): MetricsLine => ({
  kind: 'step',
  step: number,
  loss,
  gradNorm,
  learningRate: 0.001,
  milliseconds: 4,
});
const finished = (number: number): MetricsLine => ({
  kind: 'end',
  step: number,
  reason: 'finished',
  finalValidationLoss: 4.5,
});

test('spikes are counted from the 1,001st step on, and named by their steps', async () => {
  const random = createRandom('gradients');
  const lines = Array.from({ length: 1500 }, (_, i) => step(i + 1, 1 + 0.01 * random.normal()));
  for (const spike of [3, 1000, 1001, 1234, 1500]) lines[spike - 1] = step(spike, 9);
  const outcome = await readOutcome(await runFolder([...lines, finished(1500)]));
  // 3 and 1000 are too early to be judged; in later windows they widen the deviation to 0.36 at most, and 8 is 22 of those.
  expect(outcome?.spikeSteps).toEqual([1001, 1234, 1500]);
  expect(outcome?.gradNormSpikeScore).toBeCloseTo((100 * 3) / 500, 12);
  expect(outcome?.lossSpikeScore).toBe(0);
  expect(outcome).toMatchObject({ seed: 7, norm: 'layernorm', steps: 1500, finalValidationLoss: 4.5 });
  // 2 × 8 tokens in 4 ms.
  expect(outcome?.tokensPerSecond).toBeCloseTo(4000, 9);
});

test('a short run has no spike score', async () => {
  const lines = Array.from({ length: 1000 }, (_, i) => step(i + 1, i));
  const outcome = await readOutcome(await runFolder([...lines, finished(1000)]));
  expect(outcome?.gradNormSpikeScore).toBeNull();
  expect(outcome?.spikeSteps).toEqual([]);
  expect(outcome?.meanGradNorm).toBeCloseTo(499.5, 12);
});

test('a diverged run keeps the steps that have numbers', async () => {
  const end: MetricsLine = { kind: 'end', step: 3, reason: 'diverged', finalValidationLoss: null };
  const outcome = await readOutcome(await runFolder([step(1, 1), step(2, 3), step(3, null, null), end]));
  expect(outcome).toMatchObject({ reason: 'diverged', steps: 3, finalValidationLoss: null, meanGradNorm: 2 });
  expect(outcome?.gradNorms).toEqual(Float64Array.of(1, 3));
});

test('a run that has not ended has no outcome', async () => {
  expect(await readOutcome(await runFolder([step(1, 1)]))).toBeNull();
  expect(await readOutcome(await runFolder([]))).toBeNull();
});

test('a malformed line is named, one that was cut off is left out', async () => {
  const folder = await runFolder([step(1, 1)]);
  const path = join(folder, 'metrics.jsonl');
  await writeFile(path, `${JSON.stringify(step(1, 1))}\n{"kind":"st`);
  expect(await readMetrics(path)).toEqual([step(1, 1)]);
  await writeFile(path, `${JSON.stringify(step(1, 1))}\n{"kind":"st\n${JSON.stringify(finished(2))}\n`);
  await expect(readMetrics(path)).rejects.toThrow(InputError);
  await expect(readMetrics(path)).rejects.toThrow(`${path}:2: not a line of metrics`);
  expect(await readEnd(path)).toEqual(finished(2));
});
