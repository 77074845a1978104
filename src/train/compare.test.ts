import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InterruptedError } from '../core/errors.ts';
import { type CompareOptions, type CompareProgress, compare } from './compare.ts';
import { temporaryFolder } from './folder.fixture.ts';
import { readMetrics } from './metrics.ts';
import { snapshot, tinyConfig, tinyCorpus } from './runs.fixture.ts';

const base = { norms: ['rmsnorm', 'dyt'], seeds: [1, 2], config: tinyConfig(), corpus: tinyCorpus(), processes: 0 };

test('every norm is trained with every seed, LayerNorm too, and compared with it', async () => {
  const folder = await temporaryFolder();
  const progress: CompareProgress[] = [];
  const comparison = await compare({ ...base, folder, onProgress: (state) => progress.push(state) });
  expect(comparison.norms.map(({ norm, runs }) => [norm, runs.length])).toEqual([
    ['layernorm', 2],
    ['rmsnorm', 2],
    ['dyt', 2],
  ]);
  expect(comparison.missing).toEqual([]);
  expect((await readdir(folder)).toSorted()).toEqual(
    ['layernorm', 'rmsnorm', 'dyt'].flatMap((norm) => [`${norm}-seed1`, `${norm}-seed2`]).toSorted(),
  );
  const [reference, other] = comparison.norms;
  const losses = (runs: typeof reference) => runs?.runs.map((run) => run.finalValidationLoss ?? Number.NaN) ?? [];
  const difference = losses(other).map((loss, i) => loss - (losses(reference)[i] ?? Number.NaN));
  expect(other?.paired?.difference).toBeCloseTo(((difference[0] ?? 0) + (difference[1] ?? 0)) / 2, 12);
  expect(progress.at(-1)).toMatchObject({ finishedRuns: 6, runs: 6, active: [], remainingSeconds: 0 });
  expect(progress.every(({ remainingSeconds }) => remainingSeconds === null || remainingSeconds >= 0)).toBe(true);
});

test('norms of one seed start from the same loss, as they see the same batches', async () => {
  const folder = await temporaryFolder();
  const config = tinyConfig({ schedule: { steps: 3, learningRate: 1e-12 } });
  await compare({ ...base, config, folder, norms: ['rmsnorm', 'crmsnorm'], seeds: [1] });
  const losses = async (norm: string) =>
    (await readMetrics(join(folder, `${norm}-seed1`, 'metrics.jsonl'))).flatMap((line) =>
      line.kind === 'step' ? (line.loss ?? Number.NaN) : [],
    );
  const reference = await losses('layernorm');
  expect(new Set(reference).size).toBe(3);
  for (const [i, loss] of (await losses('rmsnorm')).entries()) {
    // Freshly drawn, the two norms differ by the small mean of their inputs.
    expect(Math.abs(loss - (reference[i] ?? 0))).toBeLessThan(0.01);
  }
});

test('a comparison that was stopped goes on, and comes out the same', async () => {
  const root = await temporaryFolder();
  const folder = join(root, 'stopped');
  const controller = new AbortController();
  const stopped = compare({
    ...base,
    folder,
    signal: controller.signal,
    onProgress: ({ finishedRuns, active }) => {
      if (finishedRuns === 1 && active[0]?.progress.step === 7) controller.abort(new InterruptedError('stop'));
    },
  });
  await expect(stopped).rejects.toThrow(InterruptedError);
  expect(await readdir(folder)).toHaveLength(2);
  const went = new Set<string>();
  const result = await compare({
    ...base,
    folder,
    onProgress: ({ active }) => {
      for (const { name, progress } of active) went.add(`${name}: ${progress.step}`);
    },
  });
  expect(went.has('layernorm seed 1: 1')).toBe(false);
  expect(went.has('rmsnorm seed 1: 7')).toBe(false);
  expect(went.has('rmsnorm seed 1: 8')).toBe(true);
  const whole = await compare({ ...base, folder: join(root, 'whole') });
  for (const run of (await readdir(folder)).toSorted()) {
    expect(await snapshot(join(folder, run)), run).toEqual(await snapshot(join(root, 'whole', run)));
  }
  expect(result.norms.map(({ paired }) => paired)).toEqual(whole.norms.map(({ paired }) => paired));
});

test('an epsilon is for the norms that have one', async () => {
  const folder = await temporaryFolder();
  const config = tinyConfig({ model: { epsilon: 1e-3 }, schedule: { steps: 1, warmupSteps: 0 } });
  const { norms } = await compare({ ...base, config, folder, norms: ['dyt'], seeds: [1] });
  expect(norms[1]?.runs).toHaveLength(1);
});

test.each<[string, Partial<CompareOptions>]>([
  ['no seed was named', { seeds: [] }],
  ['the seed 4 is named twice', { seeds: [4, 1, 4] }],
  ['seed', { seeds: [1.5] }],
  ['Did you mean rmsnorm', { norms: ['rmsnrm'] }],
  ['placement pre', { norms: ['crmsnorm'], config: tinyConfig({ model: { placement: 'post' } }) }],
  ['training text has 2500 bytes', { config: { ...base.config, batch: 1000 } }],
  ['of memory', { config: tinyConfig({ model: { hiddenSize: 2 ** 20 } }) }],
])('nothing is left behind where nothing can be trained: %s', async (message, change) => {
  const root = await temporaryFolder();
  await expect(compare({ ...base, folder: join(root, 'runs'), ...change })).rejects.toThrow(message);
  expect(await readdir(root)).toEqual([]);
});
