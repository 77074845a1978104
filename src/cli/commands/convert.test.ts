import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { certificateSchema } from '../../convert/index.ts';
import { run } from '../run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'normlab-cli-convert-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const golden = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/golden/${name}`, import.meta.url));

async function normlab(...args: readonly string[]) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    write(text: string) {
      written[name] += text;
    },
  });
  const code = await run(args, { stdin: Readable.from([]), stdout: stream('stdout'), stderr: stream('stderr') });
  return { code, ...written };
}

test('a conversion prints its figures and leaves its certificate beside the weights', async () => {
  const out = join(folder, 'text');
  const { code, stdout } = await normlab('convert', golden('gpt2_bf16'), out, '--to', 'rmsnorm');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^algebra: .* 1\.00e-10 /m);
  expect(stdout).toMatch(
    /^Passed: the same function up to the rounding of the stored weights, [\d.]+ times the floor\.$/m,
  );
  expect(stdout).toMatch(/^Untied: /m);
  expect(await readdir(out)).toEqual(['certificate.json', 'config.json', 'model.safetensors']);
});

test('--json prints the certificate that was written', async () => {
  const out = join(folder, 'json');
  const { stdout } = await normlab('convert', golden('olmo'), out, '--to', 'crmsnorm', '--dtype', 'bf16', '--json');
  const { certificate, certificatePath, path } = JSON.parse(stdout);
  expect(path).toBe(out);
  expect(certificateSchema.parse(certificate).dtypes).toEqual(['bfloat16']);
  expect(JSON.parse(await readFile(certificatePath, 'utf8'))).toEqual(certificate);
});

test('without a certificate none is written, and it says so', async () => {
  const out = join(folder, 'uncertified');
  const { stdout } = await normlab('convert', golden('gpt2_bf16'), out, '--to', 'crmsnorm', '--no-certify');
  expect(stdout).toMatch(/^Not certified/);
  expect(await readdir(out)).toEqual(['config.json', 'model.safetensors']);
});

test('folding, and norms on queries and keys, are asked for', async () => {
  const out = join(folder, 'folded');
  const { code, stdout } = await normlab('convert', golden('gemma'), out, '--to', 'rmsnorm', '--fold');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Untied: /m);
  const qk = join(folder, 'qk');
  await normlab('convert', golden('phi_qk'), qk, '--to', 'rmsnorm', '--qk-norms', '--no-certify');
  expect(JSON.parse(await readFile(join(qk, 'config.json'), 'utf8')).normlab.qkNorm).toBe('rmsnorm');
  const none = await normlab('convert', golden('gpt2'), join(folder, 'no-qk'), '--to', 'rmsnorm', '--qk-norms');
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('leave out --qk-norms') });
  const xglm = await normlab('convert', golden('xglm'), join(folder, 'xglm'), '--to', 'rmsnorm', '--no-certify');
  expect(xglm.stdout).toMatch(/^Recentred: /m);
});

test('nothing to do is one line and exit code 0; a refusal is one line and 2', async () => {
  const out = join(folder, 'none');
  const nothing = await normlab('convert', golden('llama'), out, '--to', 'rmsnorm');
  expect(nothing).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^[^\n]*nothing to do\n$/) });
  const refused = await normlab('convert', golden('llama'), out, '--to', 'crmsnorm');
  expect(refused).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/^normlab: [^\n]*zero-mean[^\n]*\n$/),
  });
  expect(await readdir(folder)).not.toContain('none');
});

test.each([[['--to', 'layernorm']], [['--to', 'rmsnorm', '--dtype', 'int8']], [[]]])(
  'bad options %j are exit code 2',
  async (options) => {
    const { code, stderr } = await normlab('convert', golden('gpt2'), join(folder, 'bad'), ...options);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^normlab: [^\n]*--(to|dtype)[^\n]*\n$/);
  },
);

test('a file of a model’s folder is no ONNX model: the folder is asked for', async () => {
  const { code, stderr } = await normlab(
    'convert',
    join(golden('gpt2'), 'model.safetensors'),
    join(folder, 'of-file'),
    '--to',
    'rmsnorm',
  );
  expect(code).toBe(2);
  expect(stderr).toMatch(/is a file, expected a local folder with config\.json[^\n]*\n$/);
});
