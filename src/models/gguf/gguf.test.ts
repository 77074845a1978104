import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Model, openModel, writeGgufModel } from '../index.ts';

async function golden(name: string): Promise<Model> {
  const model = await openModel(fileURLToPath(new URL(`../../../test/fixtures/golden/${name}`, import.meta.url)));
  onTestFinished(() => model.checkpoint.close());
  return model;
}

type Scalar = string | number | boolean;

/** Reads a GGUF file of float32 tensors, as its description says. */
function parse(file: Buffer) {
  let at = 0;
  const take = (size: number) => {
    at += size;
    return at - size;
  };
  const uint32 = () => file.readUInt32LE(take(4));
  const uint64 = () => Number(file.readBigUInt64LE(take(8)));
  const text = () => {
    const length = uint64();
    return file.toString('utf8', take(length), at);
  };
  const readers: Readonly<Record<number, () => Scalar>> = {
    4: uint32,
    5: () => file.readInt32LE(take(4)),
    6: () => file.readFloatLE(take(4)),
    7: () => file.readUInt8(take(1)) === 1,
    8: text,
  };
  const read = (type: number): Scalar => readers[type]?.() ?? 'unknown';
  const magic = file.toString('latin1', take(4), at);
  const version = uint32();
  const [tensorCount, keyCount] = [uint64(), uint64()];
  const metadata: Record<string, Scalar | readonly Scalar[]> = {};
  for (let i = 0; i < keyCount; i++) {
    const key = text();
    const type = uint32();
    if (type !== 9) metadata[key] = read(type);
    else {
      const element = uint32();
      metadata[key] = Array.from({ length: uint64() }, () => read(element));
    }
  }
  const infos = Array.from({ length: tensorCount }, () => {
    const name = text();
    const shape = Array.from({ length: uint32() }, uint64).reverse();
    return { name, shape, type: uint32(), offset: uint64() };
  });
  const start = Math.ceil(at / 32) * 32;
  const tensors = new Map(
    infos.map(({ name, shape, type, offset }) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const data = Array.from({ length: count }, (_, i) => file.readFloatLE(start + offset + 4 * i));
      return [name, { shape, type, data }];
    }),
  );
  return { magic, version, metadata, tensors };
}

async function written(name: string) {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const model = await golden(name);
  const path = join(folder, 'model.gguf');
  await writeGgufModel(model, path);
  const file = parse(await readFile(path));
  const stored = async (tensor: string) => Array.from(await model.checkpoint.readFloat32(tensor));
  const tensor = (own: string) => file.tensors.get(own) ?? { shape: [], type: -1, data: [] };
  return { ...file, tensor, stored, spec: model.spec };
}

test('GPT-2: names, shapes and metadata; matrices are turned', async () => {
  const { magic, version, metadata, tensors, tensor, stored, spec } = await written('gpt2');
  expect({ magic, version }).toEqual({ magic: 'GGUF', version: 3 });
  expect(metadata).toMatchObject({
    'general.architecture': 'gpt2',
    'gpt2.context_length': 32,
    'gpt2.block_count': spec.numLayers,
    'gpt2.attention.head_count': spec.attention.numHeads,
    'gpt2.attention.layer_norm_epsilon': Math.fround(spec.norm.epsilon),
  });
  expect(metadata['tokenizer.ggml.tokens']).toHaveLength(256);
  expect([...tensors.keys()].filter((name) => !name.startsWith('blk.')).sort()).toEqual(
    ['output_norm.bias', 'output_norm.weight', 'position_embd.weight', 'token_embd.weight'].sort(),
  );
  expect([...tensors.values()].every(({ type }) => type === 0)).toBe(true);
  expect(tensor('token_embd.weight').data).toEqual(await stored('transformer.wte.weight'));
  const up = tensor('blk.1.ffn_up.weight');
  const source = await stored('transformer.h.1.mlp.c_fc.weight');
  const [inner = 0, width = 0] = up.shape;
  expect([inner, width]).toEqual([spec.mlp.innerSize, spec.hiddenSize]);
  for (const [i, j] of [
    [0, 0],
    [3, 1],
    [inner - 1, width - 2],
  ] as const) {
    expect(up.data[i * width + j]).toBe(source[j * inner + i]);
  }
});

test('Llama: the scores of neighbours rotated together are those of halves rotated together', async () => {
  const { tensor, stored, spec, metadata } = await written('llama_gqa_tied');
  expect(metadata).toMatchObject({
    'llama.attention.head_count_kv': spec.attention.numKeyValueHeads,
    'llama.rope.freq_base': 10000,
  });
  const { headSize } = spec.attention;
  const width = spec.hiddenSize;
  /** The first head of a projection of some vector. */
  const project = (matrix: readonly number[], seed: number) =>
    Array.from({ length: headSize }, (_, row) => {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += (matrix[row * width + i] ?? 0) * Math.sin(seed + i);
      return sum;
    });
  /** Rotates the pairs (first(i), second(i)) of a head by position · 10000^(−2i/size). */
  const rotate = (x: readonly number[], position: number, pair: (i: number) => readonly [number, number]) => {
    const y = [...x];
    for (let i = 0; i < headSize / 2; i++) {
      const angle = position * 10000 ** ((-2 * i) / headSize);
      const [a, b] = pair(i);
      const [p = 0, q = 0] = [x[a], x[b]];
      y[a] = p * Math.cos(angle) - q * Math.sin(angle);
      y[b] = p * Math.sin(angle) + q * Math.cos(angle);
    }
    return y;
  };
  const score = (query: readonly number[], key: readonly number[], pair: (i: number) => readonly [number, number]) => {
    const k = rotate(project(key, 2), 3, pair);
    return rotate(project(query, 1), 11, pair).reduce((sum, value, i) => sum + value * (k[i] ?? 0), 0);
  };
  const theirs = score(tensor('blk.0.attn_q.weight').data, tensor('blk.0.attn_k.weight').data, (i) => [
    2 * i,
    2 * i + 1,
  ]);
  const [query, key] = [
    await stored('model.layers.0.self_attn.q_proj.weight'),
    await stored('model.layers.0.self_attn.k_proj.weight'),
  ];
  const ours = score(query, key, (i) => [i, i + headSize / 2]);
  expect(Math.abs(ours)).toBeGreaterThan(1e-3);
  expect(theirs).toBeCloseTo(ours, 9);
  expect(tensor('blk.0.attn_v.weight').data).toEqual(await stored('model.layers.0.self_attn.v_proj.weight'));
  expect(tensor('blk.0.ffn_gate.weight').data).toEqual(await stored('model.layers.0.mlp.gate_proj.weight'));
});

describe('a decoder that llama.cpp computes otherwise is refused with the reason', () => {
  test.each([
    ['qwen3', 'not as llama: it has no norm on queries and keys there'],
    ['qwen2', 'its linears have no biases'],
    ['mistral_window', 'it has no attention.windows'],
    ['gemma', 'it has no embeddingScale'],
    ['phi3', 'it has no mlp.fusedGate'],
    ['gpt2_n36_untied', 'not as gpt2: its MLP is plain with the tanh form of gelu'],
    ['opt', 'not as gpt2: '],
    ['gpt_neox_parallel', 'it has no parallel'],
  ])('%s', async (name, message) => {
    await expect(writeGgufModel(await golden(name), '/nowhere/x.gguf')).rejects.toMatchObject({
      name: 'RefusalError',
      message: expect.stringContaining(message),
    });
  });
});
