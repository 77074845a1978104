import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { encode, type TensorEntry } from '../safetensors/index.ts';
import { type GgufMetadata, writeGguf } from './index.ts';

async function target(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'model.gguf');
}

const range = (count: number) => Float64Array.from({ length: count }, (_, i) => i);

const metadata: GgufMetadata = {
  'general.architecture': { type: 'string', value: 'llama' },
  'llama.block_count': { type: 'uint32', value: 3 },
  'test.negative': { type: 'int32', value: -7 },
  'llama.rope.freq_base': { type: 'float32', value: 10000.5 },
  'test.yes': { type: 'bool', value: true },
  'test.text': { type: 'string', value: 'naïve ▁ 語' },
  'tokenizer.ggml.tokens': { type: 'strings', value: ['<s>', '▁a', ''] },
  'tokenizer.ggml.scores': { type: 'float32s', value: [0.5, -1.5, 2] },
  'tokenizer.ggml.token_type': { type: 'int32s', value: [1, 2, 3] },
};

const embedding = encode(
  range(15).map((value) => value / 4),
  'float32',
);
const entries: readonly TensorEntry[] = [
  {
    name: 'token_embd.weight',
    dtype: 'float32',
    shape: [3, 5],
    async *data() {
      yield embedding.subarray(0, 7);
      yield embedding.subarray(7);
    },
  },
  { name: 'blk.0.half', dtype: 'float16', shape: [7], data: encode(range(7), 'float16') },
  { name: 'output_norm.weight', dtype: 'float32', shape: [3], data: encode(Float64Array.of(1, 2, 3), 'float32') },
];

test("the file is that of llama.cpp's own writer, byte for byte", async () => {
  const path = await target();
  await writeGguf(path, metadata, entries);
  const recorded = new URL('../../../test/fixtures/gguf/small.gguf', import.meta.url);
  expect((await readFile(path)).equals(await readFile(recorded))).toBe(true);
});

describe('is refused, and nothing stays', () => {
  const tensor = (change: Partial<TensorEntry>): TensorEntry => ({
    name: 'a',
    dtype: 'float32',
    shape: [1],
    data: new Uint8Array(4),
    ...change,
  });
  test.each<[string, readonly TensorEntry[], string]>([
    ['float64', [tensor({ dtype: 'float64', data: new Uint8Array(8) })], 'is float64'],
    ['five axes', [tensor({ shape: [1, 1, 1, 1, 1] })], 'has 5 axes'],
    ['a name of 64 bytes', [tensor({ name: 'é'.repeat(32) })], 'longer than 63 bytes'],
    ['a name twice', [tensor({}), tensor({})], 'given twice'],
    ['too few bytes', [tensor({ shape: [2] })], 'takes 8 bytes, its data has 4'],
    ['too few bytes of a stream', [tensor({ data: async function* () {} })], 'takes 4 bytes, its data has 0'],
  ])('%s', async (_, some, message) => {
    const path = await target();
    await expect(writeGguf(path, metadata, some)).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining(message),
    });
    expect(await readdir(join(path, '..'))).toEqual([]);
  });
});
