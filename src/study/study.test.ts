import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../core/errors.ts';
import { parseResults } from '../report/index.ts';
import { evidenceResults } from './evidence.ts';
import { findProfile, type Profile, profiles } from './profiles.ts';
import { openStudyFolder } from './stages.ts';
import { runStudy } from './study.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'normlab-study-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const smoke = findProfile('smoke');
const tiny: Profile = {
  ...smoke,
  id: 'tiny',
  norms: ['layernorm', 'rmsnorm'],
  seeds: [1, 2],
  config: {
    ...smoke.config,
    model: { ...smoke.config.model, hiddenSize: 16, context: 16 },
    schedule: { ...smoke.config.schedule, steps: 6, warmupSteps: 2 },
    validation: { everySteps: 2, tokens: 256, finalTokens: 512 },
    samples: { count: 0, length: 1 },
  },
};

describe('runStudy', () => {
  it('trains, converts and writes a report, and takes what is finished from the folder the next time', async () => {
    const out = join(root, 'whole');
    const parts = new Set<string>();
    const first = await runStudy({ profile: tiny, out, skip: ['speed'], onProgress: (part) => parts.add(part) });
    expect([...parts]).toEqual(['training', 'conversions', 'report']);

    const written = parseResults(JSON.parse(await readFile(join(out, 'report.json'), 'utf8')));
    expect(written.training?.norms.map(({ id }) => id)).toEqual(['layernorm', 'rmsnorm']);
    expect(written.training?.norms[1]?.paired?.n).toBe(2);
    expect(written.speed).toBeNull();
    expect(written.notMeasured.speed).toMatch(/on request/);
    expect(written.conversions).toHaveLength(2);
    for (const { certificate, validationLossBefore, validationLossAfter } of written.conversions ?? []) {
      expect(certificate.passed).toBe(true);
      expect(certificate.algebra.maxAbsLogit).toBeLessThan(1e-10);
      expect(Math.abs((validationLossAfter ?? 0) - (validationLossBefore ?? 1))).toBeLessThan(1e-5);
    }
    // The loss that the conversion measures from the exported folder is the one that training measured.
    const trained = written.training?.norms[0]?.runs[0]?.finalValidationLoss ?? 0;
    expect(Math.abs((written.conversions?.[0]?.validationLossBefore ?? 1) - trained)).toBeLessThan(1e-5);
    expect(await readFile(join(out, 'report.html'), 'utf8')).toContain(first.answer.headline.slice(0, 20));

    const again = new Set<string>();
    const second = await runStudy({ profile: tiny, out, skip: ['speed'], onProgress: (part) => again.add(part) });
    expect([...again]).toEqual(['report']);
    expect(second.results.training).toEqual(first.results.training);
  });

  it('goes on after an interruption with the runs that are there', async () => {
    const out = join(root, 'interrupted');
    const stop = new AbortController();
    const options = { profile: tiny, out, skip: ['speed', 'conversions'] as const };
    const interrupted = runStudy({
      ...options,
      signal: stop.signal,
      onProgress: (_part, line) => {
        if (line.startsWith('2/4')) stop.abort(new Error('stopped by the test'));
      },
    });
    await expect(interrupted).rejects.toThrow('stopped by the test');
    const finished = (await readFile(join(out, 'runs', 'layernorm-seed1', 'metrics.jsonl'), 'utf8')).trim();
    expect(finished).toContain('"kind":"end"');

    const result = await runStudy(options);
    const untouched = await runStudy({ ...options, out: join(root, 'uninterrupted') });
    const losses = ({ results }: typeof result) =>
      results.training?.norms.map(({ runs }) => runs.map((run) => run.finalValidationLoss));
    expect(losses(result)).toEqual(losses(untouched));
    expect((await readFile(join(out, 'runs', 'layernorm-seed1', 'metrics.jsonl'), 'utf8')).trim()).toBe(finished);
  });

  it('refuses a folder that holds something else, and leaves it alone', async () => {
    const out = join(root, 'photos');
    await mkdir(out);
    await writeFile(join(out, 'holiday.jpg'), 'x');
    await expect(runStudy({ profile: tiny, out, force: true })).rejects.toThrow(InputError);
    expect(await readdir(out)).toEqual(['holiday.jpg']);
  });
});

describe('openStudyFolder', () => {
  it('computes a part once for the same inputs, and again for others or when its file was damaged', async () => {
    const out = join(root, 'stages');
    let runs = 0;
    const part = async (inputs: unknown) => {
      const folder = await openStudyFolder(out, 'p', false);
      const read = (value: unknown) => (typeof value === 'number' ? value : null);
      return folder.stage('part', inputs, read, async () => ++runs).finally(() => folder.close());
    };
    expect(await part({ a: 1 })).toBe(1);
    expect(await part({ a: 1 })).toBe(1);
    expect(await part({ a: 2 })).toBe(2);
    await writeFile(join(out, 'stages', 'part.json'), '{"key": "tru');
    expect(await part({ a: 2 })).toBe(3);
  });

  it('refuses the study of another profile', async () => {
    await (await openStudyFolder(join(root, 'other'), 'quick', false)).close();
    await expect(openStudyFolder(join(root, 'other'), 'full', false)).rejects.toThrow(/profile "quick", not "full"/);
    await expect(openStudyFolder(join(root, 'other'), 'full', true)).resolves.toBeDefined();
  });

  it('starts over without what is not its own, and never over somebody else’s study.json', async () => {
    const out = join(root, 'forced');
    await (await openStudyFolder(out, 'quick', false)).close();
    await mkdir(join(out, 'runs'));
    await writeFile(join(out, 'notes.txt'), 'mine');
    await (await openStudyFolder(out, 'quick', true)).close();
    expect((await readdir(out)).sort()).toEqual(['notes.txt', 'stages', 'study.json']);
    await writeFile(join(out, 'study.json'), '{"subjects": 40}');
    await expect(openStudyFolder(out, 'quick', true)).rejects.toThrow('is not the record of a study');
    expect((await readdir(out)).sort()).toEqual(['notes.txt', 'stages', 'study.json']);
    await expect(openStudyFolder('', 'quick', true)).rejects.toThrow(InputError);
  });

  it('keeps another study out until it is closed', async () => {
    const out = join(root, 'busy');
    const folder = await openStudyFolder(out, 'quick', false);
    await writeFile(join(out, 'stages', 'part.json'), '{}');
    for (const force of [false, true]) {
      await expect(openStudyFolder(out, 'quick', force)).rejects.toThrow(
        `study: ${out} is being written by process ${process.pid}; wait for it, or name another folder`,
      );
    }
    expect(await readdir(join(out, 'stages'))).toEqual(['part.json']);
    await folder.close();
    await (await openStudyFolder(out, 'quick', true)).close();
    expect(await readdir(out)).not.toContain('study.lock');
  });

  it('starts where one was killed before it had its marker', async () => {
    const out = join(root, 'killed-early');
    await mkdir(out);
    await writeFile(join(out, '.study.json.partial-1-00000000'), '{');
    await expect(openStudyFolder(out, 'quick', false)).resolves.toBeDefined();
  });
});

describe('profiles', () => {
  it('smoke measures tensors that are large enough to be timed', async () => {
    const options = { profile: { ...tiny, speed: smoke.speed }, out: join(root, 'speed') };
    const { results } = await runStudy({ ...options, skip: ['training', 'conversions'] });
    expect(results.speed).not.toBeNull();
  });

  it('suggests the nearest', () => {
    expect(() => findProfile('quik')).toThrow(/did you mean "quick"/);
  });

  it('hold at least 5 norms and 3 seeds from quick on, LayerNorm among them', () => {
    for (const profile of profiles.filter(({ id }) => id !== 'smoke')) {
      expect(profile.norms.length).toBeGreaterThanOrEqual(5);
      expect(profile.seeds.length).toBeGreaterThanOrEqual(3);
      expect(profile.norms).toContain('layernorm');
    }
  });
});

describe('evidenceResults', () => {
  it('has a line for each of the eight families that the question is about, and the correction about GPT-3', () => {
    const { rows, corrections, summary } = evidenceResults();
    for (const family of ['GPT-3', 'Llama', 'OLMo', 'OLMoE', 'OLMo 2', 'Qwen', 'DeepSeek LLM', 'Gemma']) {
      expect(rows.some(({ model }) => model.toLowerCase().startsWith(family.toLowerCase()))).toBe(true);
    }
    expect(rows.find(({ model }) => model === 'GPT-3')?.norm).toMatch(/LayerNorm/);
    expect(corrections.some(({ belief }) => belief.includes('GPT-3'))).toBe(true);
    expect(summary.comparisonsAtOneBillion).toBe(0);
  });
});
