import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onnxCertificateSchema } from '../../convert/index.ts';
import { run } from '../run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'normlab-cli-onnx-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const exported = (name: string) =>
  fileURLToPath(new URL(`../../../test/fixtures/onnx/${name}/model.onnx`, import.meta.url));

async function convert(source: string, out: string, ...args: readonly string[]) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    write(text: string) {
      written[name] += text;
    },
  });
  const code = await run(['convert', source, join(folder, out), '--to', 'rmsnorm', ...args], {
    stdin: Readable.from([]),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
  });
  return { code, ...written };
}

test('says of each norm what it became and why, and how equal the result is', async () => {
  const { code, stdout } = await convert(exported('bert'), 'bert.onnx');
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  expect(lines[2]).toMatch(/^\/model\/bert\/embeddings\/LayerNorm +32 +1e-12 +simplified +its producers are centred$/);
  expect(lines[3]).toMatch(
    / kept +LayerNormalization "[^"]+" gives it a mean: its weights bring one in; an explicit op/,
  );
  expect(stdout).toMatch(/^logits +\d/m);
  expect(stdout).toMatch(/^Passed: the same function/m);
  expect(stdout).toMatch(/^Converted: 1 of 6 norms; 3 tensors lost their mean over the channels\.$/m);
  const scaled = await convert(exported('dinov2'), 'dino.onnx', '--no-certify');
  expect(scaled.stdout).toMatch(/^Not certified/m);
  expect(scaled.stdout).toMatch(/^Folded: .*lambda1.* into what they scaled\.$/m);
  const explicit = await convert(exported('whisper_encoder'), 'whisper.onnx', '--no-certify');
  expect(explicit.stdout).toMatch(/^Explicit: \/model\/Mul_2_output_0 can’t be centred at its source/m);
});

test('--json has the report and the certificate that was written', async () => {
  const { stdout } = await convert(exported('vit'), 'vit.onnx', '--json', '--norm-ops', 'primitive');
  const { report, certificate, path } = JSON.parse(stdout);
  expect(report.norms).toHaveLength(5);
  expect(onnxCertificateSchema.parse(certificate).measured.passed).toBe(true);
  expect(JSON.parse(await readFile(`${path}.certificate.json`, 'utf8'))).toEqual(certificate);
});

test('is certified on inputs of one’s own', async () => {
  const inputs = fileURLToPath(new URL('../../../test/fixtures/onnx/vit/golden.safetensors', import.meta.url));
  const { stdout } = await convert(exported('vit'), 'given.onnx', '--inputs', inputs);
  expect(stdout).toContain('pixel_values 2 × 3 × 12 × 12 given');
});

test('nothing to do is one line and exit code 0', async () => {
  expect(await convert(exported('t5'), 't5.onnx')).toEqual({
    code: 0,
    stderr: '',
    stdout: `${exported('t5')}: has no LayerNorm; nothing to do\n`,
  });
  expect(await readdir(folder)).not.toContain('t5.onnx');
});

test.each([
  [['--fold'], '--fold is for folders'],
  [['--qk-norms'], '--qk-norms is for folders'],
  [['--format', 'hf'], '--format says how a folder is stored'],
  [['--dtype', 'bf16'], '--dtype would change what the other nodes get'],
  [['--text', 'prose.txt'], '--text needs a tokenizer'],
  [['--inputs', 'x.safetensors', '--no-certify'], '--no-certify leaves that out'],
  [['--norm-ops', 'rmsnormalization'], 'ask for --opset 23'],
  [['--opset', '11'], 'can only be raised'],
])('%j is refused in one line', async (args, message) => {
  const { code, stdout, stderr } = await convert(exported('vit'), 'refused.onnx', ...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^normlab: [^\n]*\n$/);
  expect(stderr).toContain(message);
});

test('options of ONNX models are refused for folders', async () => {
  const { code, stderr } = await convert(folder, 'out', '--norm-ops', 'primitive');
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('--norm-ops is for ONNX models') });
});
