import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { capture } from '../capture.fixture.ts';

const golden = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/golden/${name}`, import.meta.url));

let folder: string;
let converted: string;
let text: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'normlab-cli-certify-'));
  converted = join(folder, 'crmsnorm');
  text = join(folder, 'text.txt');
  await writeFile(text, 'A text of some words, and a few more of them.');
  const { code } = await capture('convert', golden('gpt2'), converted, '--to', 'crmsnorm', '--text', text);
  expect(code).toBe(0);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a conversion passes: figures, the stream layer by layer, perplexities, the verdict last', async () => {
  const { code, stdout, stderr } = await capture('certify', golden('gpt2'), converted, '--text', text);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const line of [
    /^algebra: .* 1\.00e-10 /m,
    /^floor: rounding alone /m,
    /^Compared on the first 32 tokens of text\.txt \(1 × 32\)\.$/m,
    /^after the embeddings +\d\.\d\de[-+]\d +0$/m,
    /^after layer 1 +\d\.\d\de[-+]\d +0$/m,
    /^Perplexity: (\d{5}\.\d)\d* of the source, \1\d* of the converted model in float64; /m,
  ]) {
    expect(stdout).toMatch(line);
  }
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^Passed: .* times the floor\.$/);
});

test('what differs fails with exit code 1 and says by how much', async () => {
  const failed = await capture('certify', golden('gpt2'), await uncentred());
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/^FAILED: stored is off by up to /m);
  expect(failed.stderr).toMatch(/^normlab: [^\n]*FAILED: stored is off by up to [^\n]*\n$/);
});

test('--json prints the figures', async () => {
  const { code, stdout } = await capture('certify', golden('gpt2'), converted, '--seed', '3', '--json');
  const result = JSON.parse(stdout);
  expect(code).toBe(0);
  expect(result).toMatchObject({
    passed: true,
    perplexity: null,
    inputs: { kind: 'random', seed: 3 },
    source: { folder: golden('gpt2'), norm: 'layernorm' },
    converted: { folder: converted, norm: 'crmsnorm', epsilon: 1e-5 },
  });
  expect(result.stored.residualMeans.before).toHaveLength(result.stored.residualMeans.after.length);
});

test.each([
  [['gpt2', 'gpt2_bf16'], /has 128 ids, .*gpt2 has 256/],
  [['gpt2_bf16', 'gpt2_bf16', '--text'], /has no tokenizer\.json/],
] as const)('%j is one line and exit code 2', async ([source, other, ...options], message) => {
  const given = options.length === 0 ? [] : [...options, text];
  const { code, stdout, stderr } = await capture('certify', golden(source), golden(other), ...given);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^normlab: [^\n]*\n$/);
  expect(stderr).toMatch(message);
});

test.each([
  ['certify', '--tokens', '5'],
  ['certify', '--text', 'x.txt', '--seed', '1'],
  ['certify', '--text', 'x.txt', '--tokens', '1'],
  ['convert', '--to', 'rmsnorm', '--text', 'x.txt', '--no-certify'],
  ['convert', '--to', 'rmsnorm', '--tokens', '5'],
])('%s %j is refused', async (command, ...options) => {
  const { code, stderr } = await capture(command, golden('gpt2'), join(folder, 'none'), ...options);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^normlab: [^\n]*--(tokens|text|seed)[^\n]*\n$/);
});

/** GPT-2 with its weights as they were and the key that has them run with RMSNorm. */
async function uncentred(): Promise<string> {
  const copy = join(folder, 'uncentred');
  await cp(golden('gpt2'), copy, { recursive: true });
  const config = JSON.parse(await readFile(join(copy, 'config.json'), 'utf8'));
  await writeFile(join(copy, 'config.json'), JSON.stringify({ ...config, normlab: { norm: 'rmsnorm' } }));
  return copy;
}
