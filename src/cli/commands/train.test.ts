import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capture } from '../capture.fixture.ts';

let root = '';
let text = '';
const size = ['--layers', '1', '--hidden', '16', '--heads', '2', '--context', '8', '--batch', '2', '--steps', '12'];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'normlab-cli-train-'));
  text = join(root, 'text.txt');
  await writeFile(text, 'Not all those who wander are lost; the old that is strong does not wither. '.repeat(40));
  await mkdir(join(root, 'other'));
  await writeFile(join(root, 'other', 'thesis.tex'), '');
  await writeFile(join(root, 'short.txt'), 'x'.repeat(40));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const at = (...names: readonly string[]) => join(root, ...names);

test('train says what came out and where it lies, and resumes what it finished', async () => {
  const args = ['train', ...size, '--text', text, '--out', at('one'), '--threads', '1'];
  const { code, stdout } = await capture(...args);
  expect(code).toBe(0);
  for (const name of ['metrics.jsonl', 'model', 'samples.txt']) expect(stdout).toContain(at('one', name));
  expect(stdout).toMatch(/held-out loss \d\.\d{4} nats per byte/);
  const again = await capture('train', '--resume', at('one'), '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ reason: 'finished', step: 12, trained: false });
});

test('a run that diverged is a result', async () => {
  const { code, stdout } = await capture('train', ...size, '--text', text, '--out', at('far'), '--lr', '1e18');
  expect(code).toBe(0);
  expect(stdout).toContain('diverged at step');
});

test('compare prints the smallest difference that could have been seen', async () => {
  const args = ['compare', ...size, '--text', text, '--out', at('compare'), '--samples', '0'];
  const two = await capture(...args, '--seeds', '2');
  expect(two.code).toBe(0);
  expect(two.stdout).toMatch(/With 2 seeds a true difference under \d\.\d{4} nats per byte could have been missed/);
  const one = await capture(...args, '--seeds', '1');
  expect(one.stdout).toContain('No interval');
  const json = await capture(...args, '--seeds', '2', '--json');
  const comparison = JSON.parse(json.stdout);
  expect(comparison.norms[1].paired).toMatchObject({ n: 2, level: 0.95 });
  expect(comparison.norms[1].runs[0]).not.toHaveProperty('gradNorms');
});

describe('what can not be is one line, exit code 2, and nothing is written', () => {
  test.each<[readonly string[], string]>([
    [['train', '--norm', 'rmsnrm'], 'Did you mean rmsnorm'],
    [['train', '--norm', 'crmsnorm', '--placement', 'post'], 'placement pre'],
    [['train', '--heads', '3'], 'do not divide'],
    [['train', '--hidden', '1', '--heads', '1'], 'at least 2'],
    [['train', '--hidden', '1000000', '--heads', '1'], 'of memory'],
    [['train', '--layers', '1000000000'], 'model.layers'],
    [['train', '--steps', '0'], 'a whole number from 1'],
    [['train', '--threads', '0'], 'a whole number from 1'],
    [['train', '--threads', '100000'], 'at most 256'],
    [['train', '--warmup', '12'], 'schedule.warmupSteps'],
    [['train', '--seed', '-1'], 'a whole number from 0'],
    [['train', '--lr', 'nan'], 'a number from 0'],
    [['train', '--lr', '0'], 'above 0'],
    [['train', '--epsilon', '1e-5', '--norm', 'dyt'], 'no epsilon'],
    [['train', '--text', 'missing.txt'], 'missing.txt: no such file'],
    [['train', '--text', '.'], 'is a folder'],
    [['train', '--resume', 'nowhere'], 'nowhere holds no run'],
    [['compare', '--norms', ''], 'names with commas'],
    [['compare', '--norms', 'rmsnorm,,dyt'], 'names with commas'],
    [['compare', '--seeds', '1,1'], 'the seed 1 is named twice'],
    [['compare', '--seeds', '1.5'], 'a whole number from 1'],
    [['compare', '--seeds', '1000000000'], 'at most 1000'],
    [['compare', '--margin', '0'], 'above 0'],
  ])('%j', async ([command = '', ...args], message) => {
    const resumes = args.includes('--resume');
    const given = resumes ? [] : [...size, '--out', at('never'), ...(args.includes('--text') ? [] : ['--text', text])];
    const { code, stdout, stderr } = await capture(command, ...given, ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^normlab: .+\n$/);
    expect(stderr).toContain(message);
    expect(existsSync(at('never'))).toBe(false);
  });

  test('a text that is shorter than a batch, and a folder of something else', async () => {
    const short = await capture('train', ...size, '--text', at('short.txt'), '--out', at('never'));
    expect(short).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^normlab: .*held-out text has 4 bytes.*\n$/),
    });
    expect(existsSync(at('never'))).toBe(false);
    const other = await capture('train', ...size, '--text', text, '--out', at('other'), '--force');
    expect(other).toMatchObject({ code: 2, stderr: expect.stringMatching(/^normlab: .*thesis\.tex.*\n$/) });
    expect(await readdir(at('other'))).toEqual(['thesis.tex']);
  });

  test('options that a resumed run would not heed', async () => {
    const { code, stderr } = await capture('train', '--resume', at('one'), '--lr', '1', '--force');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^normlab: .*--lr, --force can't be given.*\n$/);
  });
});
