import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InputError, InterruptedError } from '../core/errors.ts';
import { temporaryFolder } from './folder.fixture.ts';
import type { TrainOptions, TrainProgress } from './options.ts';
import { readRunRecord } from './record.ts';
import { trainRun } from './run.ts';
import { snapshot, tinyConfig, tinyCorpus } from './runs.fixture.ts';

const corpus = tinyCorpus();
const base = { config: tinyConfig(), corpus, engine: { threads: 1 } };

/** Trains until a step is done, then stops as a Ctrl-C would. */
async function interruptAt(step: number, options: TrainOptions): Promise<void> {
  const controller = new AbortController();
  const run = trainRun({
    ...options,
    signal: controller.signal,
    onProgress: (progress) => {
      if (progress.step === step) controller.abort(new InterruptedError('interrupted by the test'));
    },
  });
  await expect(run).rejects.toThrow('interrupted by the test');
}

test('a run folder holds the metrics of every step, the model, samples and how the run came about', async () => {
  const folder = join(await temporaryFolder(), 'runs', 'one');
  const progress: TrainProgress[] = [];
  const result = await trainRun({ ...base, folder, onProgress: (state) => progress.push(state) });
  expect(result).toMatchObject({ folder, reason: 'finished', step: 12, trained: true });
  expect((await readdir(folder)).toSorted()).toEqual([
    'checkpoint',
    'metrics.jsonl',
    'model',
    'run.json',
    'samples.txt',
  ]);
  const { metrics } = await snapshot(folder);
  const steps = metrics.filter((line) => line.kind === 'step');
  expect(steps.map((line) => line.step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  expect(metrics.filter((line) => line.kind === 'validation').map((line) => line.step)).toEqual([5, 10, 12]);
  expect(metrics.at(-1)).toEqual({
    kind: 'end',
    step: 12,
    reason: 'finished',
    finalValidationLoss: result.finalValidationLoss,
  });
  expect(steps[0]?.loss).toBeCloseTo(Math.log(256), 1);
  expect(result.finalValidationLoss).toBeLessThan((steps[0]?.loss ?? 0) - 0.01);
  const record = await readRunRecord(folder);
  expect(record).toMatchObject({
    config: base.config,
    corpus: { name: 'words', sha256: corpus.sha256, trainBytes: 2500, validationBytes: 500 },
    engine: { threads: 1, node: process.versions.node },
    attempt: 1,
  });
  expect(progress.map(({ step }) => step)).toEqual(steps.map((line) => line.step));
  expect(progress.at(-1)?.remainingSeconds).toBe(0);
});

test.each([1, 2, 5, 11, 12])('a run that was stopped at step %i and resumed is the same, bit for bit', async (step) => {
  const root = await temporaryFolder();
  await trainRun({ ...base, folder: join(root, 'whole') });
  const folder = join(root, 'stopped');
  await interruptAt(step, { ...base, folder });
  const resumedAt: number[] = [];
  const result = await trainRun({ ...base, folder, onProgress: (progress) => resumedAt.push(progress.step) });
  expect(resumedAt[0]).toBe(step === 12 ? undefined : step + 1);
  expect(result.trained).toBe(true);
  expect(await snapshot(folder)).toEqual(await snapshot(join(root, 'whole')));
  expect((await readRunRecord(folder)).attempt).toBe(2);
});

test('a run that is stopped again and again is the same too', async () => {
  const root = await temporaryFolder();
  const folder = join(root, 'stopped');
  for (const step of [1, 2, 5, 6, 11]) await interruptAt(step, { ...base, folder });
  await trainRun({ ...base, folder });
  await trainRun({ ...base, folder: join(root, 'whole') });
  expect(await snapshot(folder)).toEqual(await snapshot(join(root, 'whole')));
  expect((await readRunRecord(folder)).attempt).toBe(6);
});

test('the time left is of the steps that are left, also after a resume', async () => {
  const folder = await temporaryFolder();
  const config = tinyConfig({ schedule: { steps: 400 } });
  await interruptAt(390, { ...base, config, folder });
  const left: number[] = [];
  const started = performance.now();
  await trainRun({ ...base, config, folder, onProgress: ({ remainingSeconds }) => left.push(remainingSeconds) });
  expect(left).toHaveLength(10);
  // Steps that were trained before do not count as done in this attempt's time.
  expect(left[0]).toBeLessThan((9.5 * (performance.now() - started)) / 1000);
  expect(left[8]).toBeGreaterThan(0);
});

test('a run that ended is not trained again; with force it is', async () => {
  const folder = await temporaryFolder();
  const first = await trainRun({ ...base, folder });
  const before = readFileSync(join(folder, 'metrics.jsonl'), 'utf8');
  expect(await trainRun({ ...base, folder })).toEqual({ ...first, trained: false });
  expect(await trainRun({ ...base, folder, engine: { threads: 2 } })).toEqual({ ...first, trained: false });
  expect(readFileSync(join(folder, 'metrics.jsonl'), 'utf8')).toBe(before);
  await writeFile(join(folder, 'notes.md'), 'mine');
  const other = tinyConfig({ seed: 2 });
  const again = await trainRun({ ...base, config: other, folder, force: true });
  expect(again.trained).toBe(true);
  expect(again.finalValidationLoss).not.toBe(first.finalValidationLoss);
  expect((await readRunRecord(folder)).attempt).toBe(1);
  expect(readFileSync(join(folder, 'notes.md'), 'utf8')).toBe('mine');
});

test('another thread count is refused while the run is on its way', async () => {
  const folder = await temporaryFolder();
  await interruptAt(3, { ...base, folder });
  await expect(trainRun({ ...base, folder, engine: { threads: 2 } })).rejects.toThrow('use --threads 1');
});

test('a loss that is no number ends the run as diverged, and the record is finite', async () => {
  const folder = await temporaryFolder();
  const config = tinyConfig({ schedule: { learningRate: 1e18, warmupSteps: 0 } });
  const result = await trainRun({ ...base, config, folder });
  expect(result).toMatchObject({ reason: 'diverged', finalValidationLoss: null, trained: true });
  const { metrics } = await snapshot(folder);
  expect(metrics.at(-1)).toMatchObject({ kind: 'end', reason: 'diverged', finalValidationLoss: null });
  expect(existsSync(join(folder, 'samples.txt'))).toBe(false);
  expect(await trainRun({ ...base, config, folder })).toEqual({ ...result, trained: false });
});

test.each([8, 1])('samples are printable text that goes on from a prompt: context %i', async (context) => {
  const folder = await temporaryFolder();
  const config = { ...tinyConfig({ model: { context } }), samples: { count: 2, length: 300 } };
  await trainRun({ ...base, config, folder });
  const text = readFileSync(join(folder, 'samples.txt'), 'utf8');
  expect(text.match(/^--- sample \d; prompt: ".+"$/gm)).toHaveLength(2);
  expect(text).not.toMatch(/[^\P{Cc}\n\t]/u);
});

test('what a power cut left after the checkpoint is cut off', async () => {
  const root = await temporaryFolder();
  await trainRun({ ...base, folder: join(root, 'whole') });
  for (const [i, garbage] of ['{"kind":"st', '\0\0\0\0\n\0\0', '{"kind":"step"}\nmore\n'].entries()) {
    const folder = join(root, String(i));
    await interruptAt(4, { ...base, folder });
    const step5 = readFileSync(join(root, 'whole', 'metrics.jsonl'), 'utf8').split('\n')[4];
    await appendFile(join(folder, 'metrics.jsonl'), `${step5}\n${garbage}`);
    await trainRun({ ...base, folder });
    expect(await snapshot(folder)).toEqual(await snapshot(join(root, 'whole')));
  }
});

test('an end that was half written is written again', async () => {
  const root = await temporaryFolder();
  await trainRun({ ...base, folder: join(root, 'whole') });
  const folder = join(root, 'cut');
  await trainRun({ ...base, folder });
  const path = join(folder, 'metrics.jsonl');
  const text = readFileSync(path, 'utf8');
  await truncate(path, text.length - 20);
  expect((await trainRun({ ...base, folder })).trained).toBe(true);
  expect(await snapshot(folder)).toEqual(await snapshot(join(root, 'whole')));
});

test('a kill before the record leaves nothing in the way', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'run.lock'), '');
  await writeFile(join(folder, '.run.json.partial-999999-0123abcd'), '{');
  await trainRun({ ...base, folder });
  expect((await readdir(folder)).filter((name) => name.startsWith('.') || name.includes('lock'))).toEqual([]);
});

async function interrupted(): Promise<string> {
  const folder = await temporaryFolder();
  await interruptAt(4, { ...base, folder });
  return folder;
}

test.each<[string, RegExp, (folder: string) => Promise<unknown>, Partial<TrainOptions>?]>([
  [
    'checkpoint cut short',
    /state\.safetensors.*--force/,
    (f) => truncate(join(f, 'checkpoint/state.safetensors'), 900),
  ],
  [
    'checkpoint without a byte',
    /state\.safetensors.*--force/,
    (f) => truncate(join(f, 'checkpoint/state.safetensors')),
  ],
  ['metrics shorter than the checkpoint', /line for step 3 is missing.*step 4/, (f) => cutLines(f, 2)],
  ['no metrics', /line for step 1 is missing/, (f) => rm(join(f, 'metrics.jsonl'))],
  ['run.json no JSON', /run\.json: not valid JSON/, (f) => writeFile(join(f, 'run.json'), '{')],
  ['run.json of something else', /run\.json: formatVersion: /, (f) => writeFile(join(f, 'run.json'), '{"a": 1}')],
  ['another learning rate', /another schedule\.learningRate \(0\.002, now 0\.1\)/, noop, withLearningRate(0.1)],
  ['another text', /the text is not the one.*words, 3000 bytes/, noop, { corpus: tinyCorpus('other') }],
])('refused in one line: %s', async (_, message, damage, change = {}) => {
  const folder = await interrupted();
  await damage(folder);
  const error = await trainRun({ ...base, folder, ...change }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InputError);
  expect(String(error)).toMatch(message);
  expect(String(error)).not.toContain('\n');
  expect(existsSync(join(folder, 'run.lock'))).toBe(false);
});

function withLearningRate(learningRate: number): Partial<TrainOptions> {
  return { config: tinyConfig({ schedule: { learningRate } }) };
}

async function noop(): Promise<void> {}

async function cutLines(folder: string, count: number): Promise<void> {
  const lines = (await readFile(join(folder, 'metrics.jsonl'), 'utf8')).split('\n');
  await writeFile(join(folder, 'metrics.jsonl'), `${lines.slice(0, count).join('\n')}\n`);
}

test("another run's checkpoint of the same shapes is refused", async () => {
  const [folder, other] = [await interrupted(), await temporaryFolder()];
  await interruptAt(4, { ...base, config: tinyConfig({ seed: 2 }), folder: other });
  await writeFile(
    join(folder, 'checkpoint/state.safetensors'),
    await readFile(join(other, 'checkpoint/state.safetensors')),
  );
  await expect(trainRun({ ...base, folder })).rejects.toThrow('checkpoint of another run');
});

test('a text that moved is the same text', async () => {
  const folder = await interrupted();
  expect(await trainRun({ ...base, config: { ...base.config, text: ['moved.txt'] }, folder })).toMatchObject({
    reason: 'finished',
  });
});

test.each(['force', 'no force'])('a folder with other things is refused and stays as it was: %s', async (force) => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'thesis.tex'), 'years of work');
  const run = () => trainRun({ ...base, folder, force: force === 'force' });
  await expect(run()).rejects.toThrow('holds something that is no run ("thesis.tex")');
  await writeFile(join(folder, 'run.json'), '{"scripts": {}}');
  await expect(run()).rejects.toThrow(InputError);
  expect((await readdir(folder)).toSorted()).toEqual(['run.json', 'thesis.tex']);
  expect(readFileSync(join(folder, 'run.json'), 'utf8')).toBe('{"scripts": {}}');
});

test('nothing is left behind where nothing can be trained', async () => {
  const root = await temporaryFolder();
  const folder = join(root, 'runs', 'x');
  const short = { ...corpus, train: corpus.train.subarray(0, 16) };
  await expect(trainRun({ ...base, corpus: short, folder })).rejects.toThrow(/training text has 16 bytes/);
  const noHeldOut = { ...corpus, validation: corpus.validation.subarray(0, 16) };
  await expect(trainRun({ ...base, corpus: noHeldOut, folder })).rejects.toThrow(/held-out text has 16 bytes/);
  const huge = tinyConfig({ model: { hiddenSize: 2 ** 20 } });
  await expect(trainRun({ ...base, config: huge, folder })).rejects.toThrow(/needs about .* of memory/);
  expect(await readdir(root)).toEqual([]);
});

test('a place where no folder can be is refused in one line', async () => {
  const root = await temporaryFolder();
  await writeFile(join(root, 'file'), '');
  await symlink(join(root, 'nowhere'), join(root, 'link'));
  await mkdir(join(root, 'taken', 'run.json'), { recursive: true });
  for (const name of ['file', 'file/inside', 'link', 'taken']) {
    const error = await trainRun({ ...base, folder: join(root, name) }).catch((thrown: unknown) => thrown);
    expect(error, name).toBeInstanceOf(InputError);
    expect(String(error)).toContain(join(root, name.split('/')[0] ?? ''));
  }
});
