import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { capture } from '../capture.fixture.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'normlab-cli-random-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const golden = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/golden/${name}`, import.meta.url));

test('a folder or a config.json gives a model that can be verified, twice the same', async () => {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  const first = await capture('random', golden('llama_gqa_tied'), one, '--dtype', 'bf16', '--shard-size', '20KB');
  expect(first.code).toBe(0);
  expect(first.stdout).toMatch(/^Written to \S+one: llama, [\d.]+k? parameters in bfloat16, .* in \d+ files, in /);
  const config = join(golden('llama_gqa_tied'), 'config.json');
  const second = await capture('random', config, two, '--dtype', 'bf16', '--shard-size', '20KB', '--json');
  const { files, dtype, seed } = JSON.parse(second.stdout);
  expect({ dtype, seed }).toEqual({ dtype: 'bfloat16', seed: '0' });
  for (const file of files) expect(await readFile(join(one, file))).toEqual(await readFile(join(two, file)));
  const recording = join(golden('llama_gqa_tied'), 'golden.safetensors');
  const { code, stderr } = await capture(
    'verify',
    one,
    '--against',
    recording,
    '--dtype',
    'float32',
    '--only',
    'logits',
  );
  expect([code, stderr]).toEqual([1, expect.stringContaining('lie outside their tolerance')]);
});

test.each<[string, readonly string[], RegExp]>([
  [
    'a model that is not there',
    ['random', './nowhere', 'x'],
    /^normlab: \.\/nowhere: no such file or folder, and there is no preset/,
  ],
  ['a preset misspelt', ['random', 'gpt3-xm', 'x'], /did you mean "gpt3-x/],
  ['a folder without a config', ['random', 'src', 'x'], /config\.json: no such file/],
  ['a dtype that is none', ['random', 'm', 'x', '--dtype', 'int8'], /Allowed choices are float32, bf16, f16, float64/],
  ['a size that is none', ['random', 'm', 'x', '--shard-size', '5 apples'], /number of bytes such as 5GB/],
  ['a size of nothing', ['random', 'm', 'x', '--shard-size', '0GB'], /number of bytes such as 5GB/],
  ['a negative scale', ['random', 'm', 'x', '--scale', '-1'], /Expected a number from 0/],
])('%s is refused in one line', async (_, args, message) => {
  const { code, stdout, stderr } = await capture(...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd()).not.toContain('\n');
});

test("the config's own folder is never replaced: weights may lie in it", async () => {
  const own = await mkdtemp(join(folder, 'own-'));
  for (const file of await readdir(golden('gpt2'))) await copyFile(join(golden('gpt2'), file), join(own, file));
  const { code, stderr } = await capture('random', own, join(own, '.'), '--force');
  expect([code, stderr]).toEqual([2, expect.stringContaining('is the folder of the config; choose another one')]);
  expect(await readdir(own)).toEqual(await readdir(golden('gpt2')));
});
