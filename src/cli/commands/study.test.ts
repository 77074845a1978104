import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { capture } from '../capture.fixture.ts';

const golden = join(import.meta.dirname, '../../../test/fixtures/golden');
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'normlab-cli-study-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const study = (...args: readonly string[]) => capture('study', '--profile', 'smoke', ...args);

test('of a model that is refused it prints the reason and what to do, and is done', async () => {
  const out = join(root, 'refused');
  const { code, stdout } = await study('--model', join(golden, 'openai_gpt_postln'), '--skip', 'speed', '--out', out);
  expect(code).toBe(0);
  const text = stdout.replace(/\s+/g, ' ');
  expect(text).toMatch(/^For openai_gpt_postln: it can’t be switched/);
  expect(text).toContain('To RMSNorm and CRMSNorm: refused. Placement is post');
  expect(text).not.toContain('No model was trained');
  expect((await readdir(out)).sort()).toEqual(['report.html', 'report.json', 'report.md', 'stages', 'study.json']);
});

test('--json prints what report.json holds', async () => {
  const args = ['--model', join(golden, 'llama'), '--skip', 'speed', '--out', join(root, 'json'), '--json'];
  const { code, stdout } = await study(...args);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 2, model: { name: 'llama' }, training: null });
});

test.each([
  ['a folder that is none', ['--model', 'nowhere-at-all'], 'nowhere-at-all'],
  ['a part without a model', ['--with', 'training'], '--model'],
  ['a part that is none', ['--model', 'x', '--with', 'all'], 'Expected parts of speed, training, conversions'],
])('%s is one line and exit code 2, and leaves no folder', async (_, args, message) => {
  const out = join(root, 'none');
  const { code, stdout, stderr } = await study(...args, '--out', out);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split('\n').length).toBeLessThan(3);
  expect(await readdir(root)).not.toContain('none');
});
