import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { capture } from '../capture.fixture.ts';

const golden = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/golden/${name}`, import.meta.url));

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of a golden case, perhaps with other keys in its config. */
async function copyOf(name: string, changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const folder = await temporaryFolder();
  await cp(golden(name), folder, { recursive: true });
  const path = join(folder, 'config.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...changes }));
  return folder;
}

const lineOf = (stdout: string, label: string) => stdout.split('\n').find((line) => line.startsWith(`${label}:`));

describe('a preset', () => {
  test('its shape, norms, counts, source and verdicts', async () => {
    const { code, stdout, stderr } = await capture('inspect', 'gpt3-xl');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^gpt3-xl: GPT-3 XL, family gpt2, 1\.32B parameters\n/);
    expect(stdout).toMatch(/^LayerNorm +before attention +24 +2,048 +1e-5 +weight, bias +98,304$/m);
    expect(lineOf(stdout, 'Parameters')).toMatch(/1,315,723,264; 200,704 \(0\.015%\) of them in 49 norms/);
    expect(lineOf(stdout, 'Weights')).toMatch(/a preset has none; 4\.90 GiB in float32, 2\.45 GiB in bfloat16$/);
    expect(lineOf(stdout, 'RMSNorm')).toMatch(/yes, without loss/);
    expect(lineOf(stdout, 'Source')).toMatch(/Brown et al\. 2020.*rounded: 1\.32B/);
    expect(lineOf(stdout, 'Note')).toMatch(/24 heads of 128/);
  });

  test('a name that is none', async () => {
    const { code, stderr } = await capture('inspect', 'gpt3-xxl');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^normlab: inspect: "gpt3-xxl" is neither a folder nor a preset \(did you mean "gpt3-xl"\?\)/,
    );
  });
});

describe('a folder', () => {
  test('of one file: bytes and dtype from its header', async () => {
    const { code, stdout } = await capture('inspect', golden('gpt2_bf16'));
    expect(code).toBe(0);
    expect(lineOf(stdout, 'Weights')).toMatch(/KiB \(bfloat16\) in \d+ tensors, 1 file$/);
  });

  test('of shards', async () => {
    const { stdout } = await capture('inspect', golden('llama_sharded'));
    expect(lineOf(stdout, 'Weights')).toMatch(/\(float32\) in 21 tensors, 3 files$/);
  });

  test('of links, as in the hub’s cache', async () => {
    const cache = await temporaryFolder();
    const snapshot = join(cache, 'snapshots', 'abc');
    await mkdir(snapshot, { recursive: true });
    await cp(golden('llama_sharded'), join(cache, 'blobs'), { recursive: true });
    for (const file of await readdir(join(cache, 'blobs'))) {
      await rename(join(cache, 'blobs', file), join(cache, 'blobs', `blob-${file}`));
      await symlink(join('..', '..', 'blobs', `blob-${file}`), join(snapshot, file));
    }
    expect((await capture('inspect', snapshot)).code).toBe(0);
    const { code, stderr } = await capture('inspect', cache);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('choose one of the folders in snapshots/'),
    });
  });

  test('of the config alone', async () => {
    const folder = await copyOf('gemma2');
    for (const file of await readdir(folder)) if (file !== 'config.json') await rm(join(folder, file));
    const { code, stdout } = await capture('inspect', folder);
    expect(code).toBe(0);
    expect(lineOf(stdout, 'Weights')).toMatch(/none in this folder; .* in float32/);
    expect(lineOf(stdout, 'CRMSNorm')).toMatch(/no: placement is peri/);
  });

  test('reads no weights: a file cut off behind its header is noticed by its size, one of zeros is not', async () => {
    const folder = await copyOf('gpt2');
    const path = join(folder, 'model.safetensors');
    const bytes = await readFile(path);
    const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
    await writeFile(path, bytes.fill(0xff, headerEnd));
    expect((await capture('inspect', folder)).code).toBe(0);
    await truncate(path, headerEnd + 4);
    const { code, stdout, stderr } = await capture('inspect', folder);
    expect(code).toBe(2);
    expect(lineOf(stdout, 'Weights')).toMatch(/unreadable/);
    expect(stderr).toContain('model.safetensors');
  });

  test.each([
    ['a layer too many', { n_layer: 4 }, /missing transformer\.h\.3\./],
    ['another width', { n_embd: 64 }, /has shape .* expected/],
  ])('whose weights do not fit its config (%s) is described, then refused', async (_, changes, reason) => {
    const { code, stdout, stderr } = await capture('inspect', await copyOf('gpt2', changes));
    expect(code).toBe(2);
    expect(lineOf(stdout, 'Shape')).toMatch(/layers/);
    expect(lineOf(stdout, 'Problem')).toMatch(reason);
    expect(stderr).toMatch(reason);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  test('a config that asks for what is unsupported is refused by its key', async () => {
    const { code, stdout, stderr } = await capture('inspect', await copyOf('gpt2', { add_cross_attention: true }));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/add_cross_attention/);
  });

  test('nothing there, a file, or no config', async () => {
    const empty = await temporaryFolder();
    for (const path of [join(empty, 'none'), join(golden('gpt2'), 'config.json'), empty]) {
      const { code, stderr } = await capture('inspect', path);
      expect({ code, lines: stderr.split('\n').length }).toEqual({ code: 2, lines: 2 });
    }
  });

  test('JSON', async () => {
    const { stdout } = await capture('inspect', golden('gpt2'), '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      name: golden('gpt2'),
      preset: null,
      family: 'gpt2',
      spec: { placement: 'pre', norm: { kind: 'layernorm' } },
      norms: [{ where: 'before attention', count: 3 }, { where: 'before the MLP' }, { where: 'after the last block' }],
      weights: { files: 1, tensors: 40 },
      conversions: [
        { target: 'rmsnorm', outcome: 'converts' },
        { target: 'crmsnorm', outcome: 'converts' },
      ],
      converted: null,
      problem: null,
    });
  });
});

describe('a converted folder', () => {
  test('says what it came from and how its certificate stands', async () => {
    const out = join(await temporaryFolder(), 'out');
    await capture('convert', golden('gpt2'), out, '--to', 'rmsnorm');
    const { code, stdout } = await capture('inspect', out);
    expect(code).toBe(0);
    expect(lineOf(stdout, 'Converted')).toMatch(
      /to rmsnorm by normlab .* from the source with sha256 [0-9a-f]{12}…; its certificate passed/,
    );
    expect(lineOf(stdout, 'RMSNorm')).toMatch(/already, converted by normlab .*; nothing to do/);
    expect(lineOf(stdout, 'CRMSNorm')).toMatch(/no: it was converted to rmsnorm/);

    await writeFile(join(out, 'certificate.json'), '{"passed": true}');
    const broken = await capture('inspect', out);
    expect(broken.code).toBe(2);
    expect(broken.stderr).toContain('certificate.json');
  });

  test('says what was folded, and where the input is recentred', async () => {
    const out = join(await temporaryFolder(), 'out');
    await capture('convert', golden('llama'), out, '--to', 'rmsnorm', '--fold');
    const { stdout } = await capture('inspect', out);
    expect(lineOf(stdout, 'Converted')).toMatch(/^.*norms’ weights folded into the next linears by normlab .* passed/);
    const xglm = await capture('inspect', golden('xglm'));
    expect(lineOf(xglm.stdout, 'RMSNorm')).toMatch(
      /the mean of the embeddings’ sum is subtracted as it runs; formats: hf/,
    );
    const bloom = await capture('inspect', golden('bloom'));
    expect(lineOf(bloom.stdout, 'RMSNorm')).toMatch(/rewritten; the head becomes a matrix of its own; formats: hf/);
  });

  test('without a certificate says that too', async () => {
    const out = join(await temporaryFolder(), 'out');
    await capture('convert', golden('gpt2'), out, '--to', 'crmsnorm', '--no-certify');
    const { stdout } = await capture('inspect', out);
    expect(lineOf(stdout, 'Shape')).toMatch(/48 wide \(stored as 47\)/);
    expect(lineOf(stdout, 'Converted')).toMatch(/to crmsnorm.*there is no certificate\.json/);
  });
});
