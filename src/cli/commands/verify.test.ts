import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openSafetensors } from '../../checkpoint/index.ts';
import { capture } from '../capture.fixture.ts';

const golden = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/golden/${name}`, import.meta.url));
const recording = (name: string) => join(golden(name), 'golden.safetensors');
const verify = (name: string, ...args: readonly string[]) =>
  capture('verify', golden(name), '--against', recording(name), ...args);

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('a model that agrees: a table, nothing on stderr, exit code 0', async () => {
  const { code, stdout, stderr } = await verify('llama');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.split('\n');
  expect(lines[0]).toMatch(/^tensor +max \|Δ\| +allowed +within$/);
  expect(lines[2]).toMatch(/^logits +\d\.\d+e-1\d +1\.00e-10 +yes$/);
  expect(lines.at(-2)).toBe('In float64 13 of 13 tensors agree with the recording.');
});

test('a model that differs: the table, one line on stderr, exit code 1', async () => {
  const { code, stdout, stderr } = await verify('gpt2', '--tolerance', '0');
  expect(code).toBe(1);
  expect(stdout).toMatch(/^logits .* NO$/m);
  expect(stdout).not.toContain('agree');
  expect(stderr).toMatch(
    /^normlab: .*gpt2: \d of 14 tensors lie outside their tolerance, the first is logits by .+\n$/,
  );
});

test('another model than the recorded one differs', async () => {
  const { code } = await capture('verify', golden('llama'), '--against', recording('gpt2'), '--only', 'logits');
  expect(code).toBe(1);
});

test('of a converted model the logits are compared with its source’s, unless more is asked for', async () => {
  const out = join(await temporaryFolder(), 'crmsnorm');
  expect((await capture('convert', golden('gpt2'), out, '--to', 'crmsnorm', '--dtype', 'float64')).code).toBe(0);
  const against = ['--against', recording('gpt2')];
  const { code, stdout } = await capture('verify', out, ...against);
  expect(code).toBe(0);
  expect(stdout).toMatch(/In float64 1 of 1 tensors agree.*\nA converted model/);
  expect((await capture('verify', out, ...against, '--only', 'hidden_states')).code).not.toBe(0);
});

test('JSON', async () => {
  const { code, stdout } = await verify('olmo', '--json', '--dtype', 'float32', '--only', 'logits,loss');
  expect(code).toBe(0);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ dtype: 'float32', ok: true, model: golden('olmo'), against: recording('olmo') });
  expect(result.tensors.map(({ name }: { name: string }) => name)).toEqual(['logits', 'loss']);
});

test('a dump holds the compared tensors in the dtype of the computation', async () => {
  const dump = join(await temporaryFolder(), 'dump.safetensors');
  await verify('gpt2', '--dtype', 'float32', '--only', 'logits', '--dump', dump);
  const file = await openSafetensors(dump);
  onTestFinished(() => file.close());
  expect([...file.tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
    ['input_ids', 'int64', [2, 16]],
    ['logits', 'float32', [2, 16, 256]],
  ]);
});

describe('bad input is one line and exit code 2', () => {
  test.each<[string, readonly string[], string]>([
    ['no model', ['/nowhere', '--against', recording('gpt2')], '/nowhere: no such file'],
    ['no recording', [golden('gpt2'), '--against', '/nowhere.safetensors'], '/nowhere.safetensors: no such file'],
    ['a folder as the recording', [golden('gpt2'), '--against', golden('gpt2')], 'not a file'],
    [
      'an unknown group',
      [golden('gpt2'), '--against', recording('gpt2'), '--only', 'logit'],
      '"logit" is unknown (did you mean "logits"?)',
    ],
    ['no group', [golden('gpt2'), '--against', recording('gpt2'), '--only', ''], '--only: "" is unknown'],
    [
      'a dump nowhere',
      [golden('gpt2'), '--against', recording('gpt2'), '--dump', '/nowhere/x'],
      '/nowhere/x: no such file or folder',
    ],
    [
      'the weights as the recording',
      [golden('gpt2'), '--against', join(golden('gpt2'), 'model.safetensors')],
      'nothing is known by the name',
    ],
    [
      'an engine that has no float64',
      [golden('gpt2'), '--against', recording('gpt2'), '--engine', 'webgpu'],
      '--engine webgpu computes in float32; add --dtype float32',
    ],
    [
      'an unknown engine',
      [golden('gpt2'), '--against', recording('gpt2'), '--engine', 'gpu'],
      "argument 'gpu' is invalid. Allowed choices are cpu, webgpu",
    ],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await capture('verify', ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^normlab: .+\n$/);
    expect(stderr).toContain(message);
  });

  test.runIf(process.platform === 'linux')('no adapter for WebGPU, with or without a GPU', async () => {
    vi.stubEnv('VK_DRIVER_FILES', '/nowhere.json');
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const { code, stdout, stderr } = await verify('gpt2', '--dtype', 'float32', '--engine', 'webgpu');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^normlab: engine: WebGPU finds no adapter: .+ apt-get install chromium, .+\n$/);
  });

  test('a key that is not supported', async () => {
    const folder = await temporaryFolder();
    const config = JSON.parse(await readFile(join(golden('gpt2'), 'config.json'), 'utf8'));
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, add_cross_attention: true }));
    await writeFile(join(folder, 'model.safetensors'), await readFile(join(golden('gpt2'), 'model.safetensors')));
    const { code, stdout, stderr } = await capture('verify', folder, '--against', recording('gpt2'));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^normlab: .+config\.json: add_cross_attention is true: .+\n$/);
  });

  test('truncated weights', async () => {
    const folder = await temporaryFolder();
    for (const file of await readdir(golden('gpt2'))) {
      const bytes = await readFile(join(golden('gpt2'), file));
      await writeFile(join(folder, file), file === 'model.safetensors' ? bytes.subarray(0, -9) : bytes);
    }
    const { code, stderr } = await capture('verify', folder, '--against', recording('gpt2'));
    expect(code).toBe(2);
    expect(stderr).toMatch(/^normlab: .*model\.safetensors: truncated.*\n$/);
  });
});
