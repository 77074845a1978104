import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { encode } from '../safetensors/index.ts';
import { type GgufFile, type GgufMetadata, openGguf, replaceGgufText, writeGguf } from './index.ts';

const recorded = fileURLToPath(new URL('../../../test/fixtures/gguf/small.gguf', import.meta.url));

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'model.gguf');
}

async function opened(path: string): Promise<GgufFile> {
  const file = await openGguf(path);
  onTestFinished(() => file.close());
  return file;
}

test("a file of llama.cpp's own writer is read: keys, shapes and numbers", async () => {
  const file = await opened(recorded);
  expect(Object.fromEntries(file.metadata)).toEqual({
    'general.architecture': 'llama',
    'llama.block_count': 3,
    'test.negative': -7,
    'llama.rope.freq_base': 10000.5,
    'test.yes': true,
    'test.text': 'naïve ▁ 語',
    'tokenizer.ggml.tokens': ['<s>', '▁a', ''],
    'tokenizer.ggml.scores': [0.5, -1.5, 2],
    'tokenizer.ggml.token_type': [1, 2, 3],
  });
  const shapes = [...file.tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape]);
  expect(shapes).toEqual([
    ['token_embd.weight', 'float32', [3, 5]],
    ['blk.0.half', 'float16', [7]],
    ['output_norm.weight', 'float32', [3]],
  ]);
  expect([...(await file.readFloat64('token_embd.weight', { start: 1, end: 2 }))]).toEqual([1.25, 1.5, 1.75, 2, 2.25]);
  expect([...(await file.readFloat32('blk.0.half'))]).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test('a header longer than what is read at first comes back as it was written', async () => {
  const path = await temporary();
  const tokens = Array.from({ length: 20_000 }, (_, id) => `token ${id} ü`);
  const metadata: GgufMetadata = {
    'tokenizer.ggml.tokens': { type: 'strings', value: tokens },
    'general.architecture': { type: 'string', value: 'x' },
  };
  const data = encode(Float64Array.of(1, 2), 'bfloat16');
  await writeGguf(path, metadata, [{ name: 'a', dtype: 'bfloat16', shape: [2], data }]);
  const file = await opened(path);
  expect(file.metadata.get('tokenizer.ggml.tokens')).toEqual(tokens);
  expect([...(await file.readFloat64('a'))]).toEqual([1, 2]);
});

test('a text is replaced in place, and only by one as long', async () => {
  const path = await temporary();
  await copyFile(recorded, path);
  await replaceGgufText(path, 'test.text', 'naïve ▁ 言');
  expect((await opened(path)).metadata.get('test.text')).toBe('naïve ▁ 言');
  await expect(replaceGgufText(path, 'test.text', 'naïve')).rejects.toThrow('holds no text of 6 bytes');
  await expect(replaceGgufText(path, 'llama.block_count', 'x')).rejects.toThrow('holds no text');
});

describe('what is refused, in one line', () => {
  /** The recorded file with some bytes changed. */
  const changed = async (change: (bytes: Buffer) => void) => {
    const path = await temporary();
    const bytes = await readFile(recorded);
    change(bytes);
    await writeFile(path, bytes);
    return path;
  };
  const refusal = (path: string) => openGguf(path).then(() => 'taken', String);

  test.each<[string, (bytes: Buffer) => void, string]>([
    ['another format', (bytes) => bytes.write('GGML'), 'does not begin with GGUF'],
    ['version 1', (bytes) => bytes.writeUInt32LE(1, 4), 'is GGUF of version 1, expected 3 or 2'],
    ['big-endian', (bytes) => bytes.writeUInt32BE(3, 4), 'version 50331648'],
    ['too many tensors', (bytes) => bytes.writeBigUInt64LE(2n ** 40n, 8), 'number of tensors" is 1099511627776'],
    ['absurdly many keys', (bytes) => bytes.writeBigUInt64LE(2n ** 64n - 1n, 16), 'more than any file holds'],
    ['a key of gigabytes', (bytes) => bytes.writeBigUInt64LE(2n ** 33n, 24), 'at most 65535 are allowed'],
    ['a key that is no text', (bytes) => bytes.writeUInt8(0xff, 32), 'is not UTF-8'],
    ['a value of no type', (bytes) => bytes.writeUInt32LE(99, 52), 'a value of type 99'],
    [
      'an array of arrays',
      (bytes) => bytes.writeUInt32LE(9, bytes.indexOf('tokenizer.ggml.scores') + 25),
      'a value of type 9',
    ],
    [
      'a quantized tensor',
      (bytes) => bytes.writeUInt32LE(12, bytes.indexOf('blk.0.half') + 10 + 4 + 8),
      "ggml's type 12, a quantized one",
    ],
    ['five axes', (bytes) => bytes.writeUInt32LE(5, bytes.indexOf('blk.0.half') + 10), 'has 5 axes'],
    [
      'a shape whose size overflows',
      (bytes) => bytes.writeBigUInt64LE(2n ** 52n, bytes.indexOf('blk.0.half') + 14),
      'ends beyond the file',
    ],
    [
      'data beyond the end',
      (bytes) => bytes.writeBigUInt64LE(2n ** 20n, bytes.indexOf('blk.0.half') + 10 + 4 + 8 + 4),
      'ends beyond the file',
    ],
    [
      'data between two places',
      (bytes) => bytes.writeBigUInt64LE(8n, bytes.indexOf('blk.0.half') + 10 + 4 + 8 + 4),
      'expected a multiple of 32',
    ],
  ])('%s', async (_, change, message) => {
    const said = await refusal(await changed(change));
    expect(said).toMatch(/^InputError: [^\n]+$/);
    expect(said).toContain(message);
  });

  test('a file cut off anywhere', async () => {
    const path = await temporary();
    const { length } = await readFile(recorded);
    // After the last tensor there is padding.
    for (let size = length - 32 + 11; size >= 0; size -= 7) {
      await copyFile(recorded, path);
      await truncate(path, size);
      expect(await refusal(path)).toMatch(/^InputError: [^\n]*(cut off|no room for|no GGUF file)[^\n]*$/);
    }
  });
});
