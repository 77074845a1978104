import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { capture, captureWith } from '../capture.fixture.ts';
import { run } from '../run.ts';

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const golden = (name: string) => path(`test/fixtures/golden/${name}`);

/** A copy of a golden model without the end id that its config has, and with other files. */
async function model(name: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const file of ['config.json', 'model.safetensors']) await cp(join(golden(name), file), join(folder, file));
  await writeFile(join(folder, 'generation_config.json'), '{"eos_token_id": []}');
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  return folder;
}

test('text on standard output, speeds on standard error', async () => {
  const { code, stdout, stderr } = await capture(
    'generate',
    await model('llama'),
    '--prompt',
    'Hi',
    '--max-tokens',
    '5',
  );
  expect(code).toBe(0);
  expect(stdout.endsWith('\n')).toBe(true);
  expect(stderr).toMatch(
    /^prompt 2 tokens in .+ \(.+ tokens\/s\) · 5 tokens, .+ tokens\/s · as many as were asked for\n$/,
  );
});

test('JSON holds ids, text, log probabilities and timings, and the same as the text', async () => {
  const folder = await model('llama');
  const text = await capture('generate', folder, '--prompt', 'Hi', '--max-tokens', '6');
  const { code, stdout } = await capture('generate', folder, '--ids', '72, 105', '--max-tokens', '6', '--json');
  expect(code).toBe(0);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ prompt: [72, 105], reason: 'max_tokens' });
  expect(`${result.text}\n`).toBe(text.stdout);
  expect(result.ids).toHaveLength(6);
  expect(result.logProbabilities.every((value: number) => value < 0)).toBe(true);
  expect(result.timings).toMatchObject({ prefillTokens: 2, decodeTokens: 5 });
});

test('one sequence in pieces is that at once: what was generated, given as the prompt, goes on the same', async () => {
  const folder = await model('llama');
  const ids = async (prompt: readonly number[], count: number): Promise<readonly number[]> =>
    JSON.parse(
      (await capture('generate', folder, '--ids', prompt.join(), '--max-tokens', String(count), '--json')).stdout,
    ).ids;
  const all = await ids([1, 2, 3], 8);
  expect(await ids([1, 2, 3, ...all.slice(0, 4)], 4)).toEqual(all.slice(4));
});

test('the same seed draws the same text', async () => {
  const folder = await model('gpt2');
  const draw = async (...options: readonly string[]) =>
    JSON.parse((await capture('generate', folder, '--ids', '5', '--max-tokens', '12', '--json', ...options)).stdout)
      .ids;
  const drawn = await draw('--temperature', '1', '--seed', '3');
  expect(await draw('--temperature', '1', '--seed', '3')).toEqual(drawn);
  expect(await draw('--temperature', '1', '--seed', '4')).not.toEqual(drawn);
  expect(await draw('--top-k', '1')).toEqual(await draw());
});

test('a prompt from standard input loses one newline at its end', async () => {
  const folder = await model('gpt2');
  const { stdout } = await captureWith('ab\n\n', 'generate', folder, '--prompt', '-', '--max-tokens', '1', '--json');
  expect(JSON.parse(stdout).prompt).toEqual([97, 98, 10]);
});

test('the context ends it', async () => {
  const { code, stderr } = await capture('generate', await model('gpt2'), '--prompt', 'x', '--max-tokens', '99');
  expect(code).toBe(0);
  expect(stderr).toMatch(/ · 32 tokens, .* · the context is full\n$/);
});

test('an end id of the config ends it', async () => {
  const folder = await model('gpt2');
  const ids = ['generate', folder, '--ids', '5', '--max-tokens', '3', '--json'];
  const [first, second] = JSON.parse((await capture(...ids)).stdout).ids;
  await writeFile(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: [second] }));
  const { stdout, stderr } = await capture(...ids);
  expect(JSON.parse(stdout)).toMatchObject(
    first === second ? { ids: [], reason: 'end_id' } : { ids: [first], reason: 'end_id' },
  );
  expect(stderr).toContain('the model ended its text');
});

test("the folder's tokenizer.json is used", async () => {
  const tokenizer = {
    model: { type: 'WordLevel', vocab: { a: 7, b: 8 }, unk_token: 'a' },
    pre_tokenizer: { type: 'Whitespace' },
  };
  const folder = await model('mistral_window', { 'tokenizer.json': JSON.stringify(tokenizer) });
  const { code, stdout } = await capture('generate', folder, '--prompt', 'b a', '--max-tokens', '1', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout).prompt).toEqual([8, 7]);
});

test('without a tokenizer ids go in and come out', async () => {
  const folder = await model('mistral_window');
  const { code, stdout } = await capture('generate', folder, '--ids', '3,4', '--max-tokens', '3');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\d+,\d+,\d+\n$/);
  const { ids, text } = JSON.parse(
    (await capture('generate', folder, '--ids', '3 4', '--max-tokens', '3', '--json')).stdout,
  );
  expect({ line: `${ids.join()}\n`, text }).toEqual({ line: stdout, text: null });
  const refused = await capture('generate', folder, '--prompt', 'a');
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('holds no tokenizer.json') });
});

describe('bad input is one line and exit code 2', () => {
  const wrongTokenizer = { 'tokenizer.json': JSON.stringify({ model: { type: 'WordLevel', vocab: { a: 256 } } }) };
  test.each<[string, readonly string[], string, Readonly<Record<string, string>>?]>([
    ['no prompt', [], 'neither --prompt nor --ids is given'],
    ['two prompts', ['--prompt', 'a', '--ids', '1'], 'both --prompt and --ids are given'],
    ['an empty prompt', ['--prompt', ''], '--prompt: is empty'],
    ['ids that are none', ['--ids', '1,x'], 'Expected whole numbers from 0'],
    ['no ids', ['--ids', ','], 'Expected whole numbers from 0'],
    ['more threads than a machine bears', ['--ids', '1', '--threads', '100000'], 'Expected at most 256 threads'],
    ['ids out of range', ['--ids', '1,256'], '--ids: 256 is not in the model'],
    ['a long prompt', ['--prompt', 'x'.repeat(33)], 'the prompt has 33 tokens, but the model has 32 positions'],
    ['no tokens', ['--prompt', 'a', '--max-tokens', '0'], 'Expected a whole number from 1'],
    [
      'top k and no drawing',
      ['--prompt', 'a', '--top-k', '2', '--temperature', '0'],
      '--top-k and --top-p mean nothing',
    ],
    ['top p above 1', ['--prompt', 'a', '--top-p', '2'], 'top p is 2'],
    ['an empty stop text', ['--prompt', 'a', '--stop', ''], 'a stop text is empty'],
    ['a tokenizer of another model', ['--prompt', 'a'], 'it belongs to another model', wrongTokenizer],
    ['a tokenizer that is no JSON', ['--prompt', 'a'], 'tokenizer.json: not valid JSON', { 'tokenizer.json': '{' }],
    ['end ids that are none', ['--prompt', 'a'], 'eos_token_id', { 'generation_config.json': '{"eos_token_id":"x"}' }],
  ])('%s', async (_, args, message, files = {}) => {
    const { code, stdout, stderr } = await capture('generate', await model('gpt2', files), ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^normlab: .+\n$/);
    expect(stderr).toContain(message);
  });

  test('standard input that is no text', async () => {
    const { code, stderr } = await captureWith(Buffer.of(0xff), 'generate', await model('gpt2'), '--prompt', '-');
    expect({ code, stderr }).toEqual({ code: 2, stderr: 'normlab: standard input is not UTF-8 text\n' });
  });

  test('no folder', async () => {
    const { code, stderr } = await capture('generate', '/nowhere', '--prompt', 'a');
    expect({ code, stderr: stderr.includes('/nowhere: no such file or folder') }).toEqual({ code: 2, stderr: true });
  });
});

test('Ctrl-C ends it with code 130 and a whole line', async () => {
  const config = JSON.parse(await readFile(join(golden('llama'), 'config.json'), 'utf8'));
  const long = JSON.stringify({ ...config, max_position_embeddings: 20_000 });
  const folder = await model('llama', { 'config.json': long });
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', path('src/cli/main.ts'), 'generate', folder, '--ids', '5', '--max-tokens', '20000'],
    { cwd: path('.') },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => {
    if (stdout === '') child.kill('SIGINT');
    stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ code, stderr }).toEqual({
    code: 130,
    stderr: 'normlab: stopping; press Ctrl-C again to quit at once\nnormlab: interrupted by SIGINT\n',
  });
  expect(stdout.endsWith('\n')).toBe(true);
});

test('it ends once nobody reads any more', async () => {
  const pieces: string[] = [];
  const stdout = {
    get writable() {
      return pieces.length === 0;
    },
    write: (text: string) => pieces.push(text),
  };
  const stderr = { write: () => undefined };
  const folder = await model('gpt2');
  const args = ['generate', folder, '--ids', '1,2', '--max-tokens', '9'];
  expect(await run(args, { stdin: Readable.from([]), stdout, stderr })).toBe(0);
  expect(pieces).toHaveLength(2);
});
