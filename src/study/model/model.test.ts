import { cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conversionTargets, conversionVerdict } from '../../convert/index.ts';
import { InputError } from '../../core/errors.ts';
import { countParameters, inspectFolder } from '../../models/index.ts';
import { parseResults } from '../../report/index.ts';
import { findProfile, type Profile } from '../profiles.ts';
import { runStudy } from '../study.ts';
import { comparisons, modelVariants, timedVariants } from './variants.ts';

const golden = join(import.meta.dirname, '../../../test/fixtures/golden');
const smoke = findProfile('smoke');
const tiny: Profile = { ...smoke, id: 'tiny', model: { ...smoke.model, seconds: 0.01 } };

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'normlab-study-model-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const study = (name: string, changes: Partial<Parameters<typeof runStudy>[0]> = {}) =>
  runStudy({ profile: tiny, model: join(golden, name), out: join(root, name), ...changes });

describe('a study of a model', () => {
  it('converts, certifies and times gpt2, and takes what is finished from the folder the next time', async () => {
    const parts = new Set<string>();
    const { answer, results } = await study('gpt2', { onProgress: (part) => parts.add(part) });
    expect([...parts]).toEqual(['model time', 'model conversions', 'report']);
    expect(parseResults(JSON.parse(await readFile(join(root, 'gpt2', 'report.json'), 'utf8')))).toEqual(results);

    const { model, training, speed, conversions, evidence, notMeasured } = results;
    expect([training, speed, conversions]).toEqual([null, null, null]);
    expect(notMeasured.training).toContain('--with training adds it');
    expect(evidence).not.toBeNull();
    expect(model).toMatchObject({ name: 'gpt2', family: 'gpt2', layers: 3, hiddenSize: 48, noPerplexity: null });
    expect(model?.conversions.map(({ target }) => target)).toEqual([...conversionTargets]);
    for (const conversion of model?.conversions ?? []) {
      if (conversion.outcome !== 'converted') throw new Error(conversion.outcome);
      expect(conversion.certificate?.passed).toBe(true);
      expect(conversion.certificate?.algebra.maxAbsLogit).toBeLessThan(1e-10);
      expect(conversion.perplexity?.text).toContain('State of the Union');
      const { before = 0, after = 1 } = conversion.perplexity ?? {};
      expect(Math.abs(after / before - 1)).toBeLessThan(1e-5);
      expect(await readdir(join(root, 'gpt2', conversion.folder))).toContain('certificate.json');
    }
    const [prompt, token] = model?.timing?.workloads ?? [];
    expect(prompt).toMatchObject({ id: 'prompt', tokens: 31 });
    expect(token).toMatchObject({ id: 'token', tokens: 31 });
    expect(prompt?.times.map(({ variant, norms }) => `${variant} ${norms}`)).toEqual([
      'layernorm kernels',
      'rmsnorm kernels',
      'rmsnorm-folded kernels',
      'crmsnorm kernels',
      'none kernels',
      'layernorm plain',
      'rmsnorm plain',
      'crmsnorm plain',
      'none plain',
    ]);
    expect(prompt?.times[0]).toMatchObject({ relative: 1, ci: [1, 1] });
    expect(answer.model?.verdict).toBe('free');
    expect(results.commands[0]).toContain(`--model ${join(golden, 'gpt2')}`);

    const again = new Set<string>();
    const second = await study('gpt2', { onProgress: (part) => again.add(part) });
    expect([...again]).toEqual(['report']);
    expect(second.results.model).toEqual(results.model);
  }, 120_000);

  it('of a config without weights says what it would convert to', async () => {
    const folder = join(root, 'config-only');
    await mkdir(folder);
    await cp(join(golden, 'gpt2', 'config.json'), join(folder, 'config.json'));
    const { results } = await study('', { model: folder, out: join(root, 'from-config'), skip: ['speed'] });
    expect(results.model).toMatchObject({ name: 'config-only', weights: null });
    expect(results.model?.conversions[0]).toEqual({
      outcome: 'convertible',
      target: 'rmsnorm',
      reason: 'its folder holds no weights',
    });
  });

  it('measures again for another model in the same folder, and where what it converted is gone', async () => {
    const model = join(root, 'copy');
    await cp(join(golden, 'olmo'), model, { recursive: true });
    const out = join(root, 'copied');
    const partsOf = async () => {
      const parts = new Set<string>();
      await study('', { model, out, skip: ['speed'], onProgress: (part) => parts.add(part) });
      return [...parts];
    };
    expect(await partsOf()).toEqual(['model conversions', 'report']);
    expect(await partsOf()).toEqual(['report']);
    await utimes(join(model, 'model.safetensors'), new Date(1e12), new Date(1e12));
    expect(await partsOf()).toEqual(['model conversions', 'report']);
    await rm(join(out, 'converted', 'model-rmsnorm'), { recursive: true });
    expect(await partsOf()).toEqual(['model conversions', 'report']);
    expect(await readdir(join(out, 'converted'))).toEqual(['model-crmsnorm', 'model-rmsnorm']);
  });

  it('says what olmo’s would be where conversions are left out, and why it has no time', async () => {
    const { results, answer } = await study('olmo', { skip: ['speed', 'conversions'] });
    expect(results.model?.conversions).toEqual(
      conversionTargets.map((target) => ({ outcome: 'convertible', target, reason: 'that was left out on request' })),
    );
    expect(results.model).toMatchObject({ timing: null, notTimed: 'it was left out on request' });
    expect(answer.model?.verdict).toBe('convertible');
    expect(await readdir(join(root, 'olmo'))).not.toContain('converted');
  });

  it.each([
    ['llama', 'has-it', /already; nothing to do; normlab convert --fold/, /not zero-mean/],
    ['olmoe', 'has-it', /already; nothing to do/, /not zero-mean/],
    ['openai_gpt_postln', 'refused', /placement is post/i, /normlab train/],
  ])('of %s is a report, not an error', async (name, verdict, first, second) => {
    const { results, answer } = await study(name, { skip: ['speed'] });
    expect(answer.model?.verdict).toBe(verdict);
    expect(answer.model?.switching.join(' ')).toMatch(first);
    expect(answer.model?.switching.join(' ')).toMatch(second);
    expect(results.model?.conversions.every(({ outcome }) => outcome !== 'converted')).toBe(true);
  });

  it('measures perplexity on a text of one’s own', async () => {
    const text = join(root, 'own.txt');
    await writeFile(text, 'To be, or not to be, that is the question. '.repeat(2));
    const { results } = await study('gpt2', { out: join(root, 'text'), skip: ['speed'], text: [text] });
    const [first] = results.model?.conversions ?? [];
    expect(first?.outcome === 'converted' && first.perplexity?.text).toBe(text);
  });

  it('refuses what is no model before it makes anything', async () => {
    const empty = join(root, 'empty');
    await mkdir(empty);
    await writeFile(join(root, 'blank.txt'), ' \n');
    const out = join(root, 'refused');
    const cases: readonly (readonly [Partial<Parameters<typeof runStudy>[0]>, string])[] = [
      [{ model: empty }, 'config.json'],
      [{ model: join(root, 'missing') }, 'missing'],
      [{ model: join(golden, 'gpt2', 'config.json') }, 'is a file'],
      [{ model: '' }, 'is empty'],
      [{ text: [join(root, 'nowhere.txt')] }, 'nowhere.txt'],
      [{ text: [join(root, 'blank.txt')] }, 'holds no text'],
      [{ with: ['conversions'] }, 'add training'],
    ];
    for (const [changes, message] of cases) {
      await expect(study('gpt2', { out, ...changes })).rejects.toThrow(InputError);
      await expect(study('gpt2', { out, ...changes })).rejects.toThrow(message);
    }
    await expect(runStudy({ profile: tiny, out, with: ['speed'] })).rejects.toThrow('--model');
    expect(await readdir(root)).not.toContain('refused');
  });

  it('refuses to write into the model, or to empty the folder that it lies in', async () => {
    const model = join(root, 'inside', 'runs', 'm');
    await cp(join(golden, 'olmo'), model, { recursive: true });
    for (const out of [model, join(model, 'study'), join(root, 'inside')]) {
      await expect(study('', { model, out, force: true })).rejects.toThrow('lie in one another');
    }
    expect(await readdir(model)).toEqual(await readdir(join(golden, 'olmo')));
  });

  it('stops between parts, and keeps what is finished', async () => {
    const stop = new AbortController();
    const out = join(root, 'stopped');
    const onProgress = (part: string) => {
      if (part === 'model conversions') stop.abort(new Error('stopped by the test'));
    };
    await expect(study('olmo', { out, signal: stop.signal, onProgress })).rejects.toThrow('stopped by the test');
    expect(await readdir(join(out, 'stages'))).toEqual(['model-time.json']);
    expect(await readdir(out)).not.toContain('study.lock');
  });
});

describe('what is timed of a model', () => {
  const variantsOf = async (name: string) => {
    const inspection = await inspectFolder(join(golden, name));
    const verdicts = conversionTargets.map((target) => conversionVerdict(inspection, target));
    return { spec: inspection.spec, variants: modelVariants(inspection.spec, verdicts) };
  };

  it.each([
    ['gpt2', 'layernorm, rmsnorm, rmsnorm-folded, crmsnorm, none', true],
    ['olmo', 'layernorm, rmsnorm, crmsnorm, none', true],
    ['nemotron', 'layernorm, rmsnorm, rmsnorm-folded, crmsnorm, none', true],
    ['cohere_qk', 'layernorm, rmsnorm, rmsnorm-folded, crmsnorm, none', true],
    ['dbrx', 'layernorm, rmsnorm, rmsnorm-folded, crmsnorm, none', true],
    ['llama', 'rmsnorm, layernorm, none', false],
    ['gemma2', 'rmsnorm, layernorm, none', false],
    ['qwen3_moe', 'rmsnorm, layernorm, none', false],
    ['openai_gpt_postln', 'layernorm, rmsnorm, none', false],
  ])('%s: %s', async (name, ids, sameFunction) => {
    const { spec, variants } = await variantsOf(name);
    expect(variants.map(({ id }) => id).join(', ')).toBe(ids);
    expect(variants[0]).toMatchObject({ spec, sameFunction: true });
    expect(variants[1]?.sameFunction).toBe(sameFunction);
    expect(variants.every((variant) => countParameters(variant.spec) > 0)).toBe(true);
    const timed = timedVariants(variants);
    const names = new Set(timed.map((variant) => variant.name));
    expect(names.size).toBe(timed.length);
    for (const { variant, relativeTo } of comparisons(variants)) {
      expect(names).toContain(variant);
      expect(names).toContain(relativeTo);
    }
  });
});
