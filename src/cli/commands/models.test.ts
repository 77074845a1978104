import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { presets } from '../../models/index.ts';
import { capture } from '../capture.fixture.ts';
import { run } from '../run.ts';

test('a line for each preset', async () => {
  const { code, stdout, stderr } = await capture('models');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.split('\n');
  expect(lines[0]).toMatch(/^preset +params +layers +width +norm +placement +also +family$/);
  expect(lines.filter((line) => presets.some(({ id }) => line.startsWith(`${id} `))).length).toBe(presets.length);
  expect(stdout).toMatch(/^gpt3-xl +1\.32B +24 +2048 +LayerNorm +pre +– +gpt2$/m);
  expect(stdout).toMatch(/^pythia-70m +70\.4M +6 +512 +LayerNorm +pre, parallel +– +gpt_neox$/m);
  expect(stdout).toMatch(/^olmo-2-32b +32\.2B +64 +5120 +RMSNorm +output +QK-norm +olmo2$/m);
  expect(lines.at(-2)).toMatch(new RegExp(`^${presets.length} presets\\.`));
});

test('it fits a terminal of 80 columns', async () => {
  let text = '';
  const stdout = { columns: 80, write: (piece: string) => (text += piece) };
  await run(['models'], { stdin: Readable.from([]), stdout, stderr: stdout });
  expect(Math.max(...text.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80);
});

test.each([
  ['gpt_neox', 8],
  ['pythia', 8],
  ['Pythia', 8],
  ['gpt3', 8],
  ['gemma2', 3],
])('--family %s: %i of them', async (family, count) => {
  const { stdout } = await capture('models', '--family', family, '--json');
  expect(JSON.parse(stdout)).toHaveLength(count);
});

test('JSON holds config, counts and sources', async () => {
  const { stdout } = await capture('models', '--json', '--family', 'llama');
  const records: readonly { readonly id: string }[] = JSON.parse(stdout);
  expect(records.find(({ id }) => id === 'llama-2-7b')).toMatchObject({
    family: 'llama',
    parameters: 6_738_415_616,
    norm: { kind: 'rmsnorm', epsilon: 1e-5 },
    placement: 'pre',
    published: { parameters: 6_738_415_616, unit: 1 },
    source: expect.stringContaining('Llama-2-7b'),
    config: { model_type: 'llama', hidden_size: 4096 },
  });
});

test('a family without presets is refused with the nearest', async () => {
  const { code, stdout, stderr } = await capture('models', '--family', 'lama');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(
    /^normlab: models: no preset is of a family "lama" \(did you mean "llama"\?\); families: .+\n$/,
  );
});
