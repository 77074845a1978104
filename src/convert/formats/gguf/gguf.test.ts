import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type GgufFile, openGguf, openSafetensors } from '../../../checkpoint/index.ts';
import { openModel } from '../../../models/index.ts';
import { observe } from '../../certificate/observe.fixture.ts';
import { convertModel } from '../../convert.ts';
import { converted, goldenFolder, temporaryPaths } from '../../golden.fixture.ts';
import { readParameterValues } from '../../rules/values.ts';
import { formatOf } from '../registry.ts';
import { writeGgufModel } from './write.ts';

const temporary = temporaryPaths();

async function withGguf<T>(path: string, use: (file: GgufFile) => Promise<T> | T): Promise<T> {
  const file = await openGguf(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

const metadataOf = (folder: string) =>
  withGguf(join(folder, 'model.gguf'), ({ metadata }) => Object.fromEntries(metadata));

/** max |Δlogit| of what the file itself describes to the recorded logits, as a part of the largest one. */
async function relativeDifference(folder: string, name: string): Promise<number> {
  const golden = await openSafetensors(join(goldenFolder(name), 'golden.safetensors'));
  const { spec, parameters, close } = await formatOf('gguf').open(folder);
  try {
    const [, sequence = 0] = golden.tensors.get('input_ids')?.shape ?? [];
    const ids = [...(await golden.readFloat64('input_ids', { end: 1 }))];
    const expected = (await golden.readFloat64('logits', { end: 1 })).subarray(0, sequence * spec.vocabularySize);
    const { logits } = observe({ spec, parameters: await readParameterValues(spec, parameters) }, [ids]);
    const largest = Math.max(...expected.map(Math.abs));
    return Math.max(...expected.map((logit, i) => Math.abs(logit - (logits[i] ?? Number.NaN)))) / largest;
  } finally {
    await close();
    await golden.close();
  }
}

/** Which architecture of llama.cpp each case becomes. */
const cases: Readonly<Record<string, string>> = {
  olmo: 'llama',
  gpt2: 'gpt2',
  biogpt: 'gpt2',
  gpt_bigcode: 'starcoder',
  gpt_neox_parallel: 'gptneox',
  bloom: 'bloom',
  falcon_new_arch: 'falcon',
  mpt: 'mpt',
  starcoder2: 'starcoder2',
  phi: 'phi2',
  gptj: 'phi2',
  codegen: 'phi2',
  stablelm: 'stablelm',
  stablelm_qk_parallel: 'stablelm',
  cohere: 'stablelm',
  cohere_qk: 'stablelm',
  nemotron_square: 'nemotron',
  dbrx: 'dbrx',
};

describe.each(Object.entries(cases))('%s', (name, architecture) => {
  test(`as ${architecture}: the file by itself gives the recorded logits`, async () => {
    const out = await temporary(name);
    await converted({
      source: goldenFolder(name),
      out,
      target: 'rmsnorm',
      format: 'gguf',
      dtype: 'float32',
      certify: false,
    });
    expect((await metadataOf(out))['general.architecture']).toBe(architecture);
    expect(await relativeDifference(out, name)).toBeLessThan(1e-6);
  });
});

test('a certificate is passed in every type that llama.cpp has', async () => {
  for (const [dtype, code] of [
    ['source', 0],
    ['float16', 1],
    ['bfloat16', 32],
  ] as const) {
    const out = await temporary(`neox-${dtype}`);
    const source = goldenFolder('gpt_neox_parallel');
    const { certificate } = await converted({ source, out, target: 'rmsnorm', format: 'gguf', dtype });
    expect(certificate?.passed).toBe(true);
    expect(certificate?.format).toBe('gguf');
    expect(await metadataOf(out)).toMatchObject({ 'general.file_type': code });
    await withGguf(join(out, 'model.gguf'), ({ tensors }) => {
      const vectors = [...tensors.values()].filter(({ shape }) => shape.length === 1);
      expect(new Set(vectors.map((tensor) => tensor.dtype))).toEqual(new Set(['float32']));
      expect(tensors.get('blk.0.ffn_up.weight')?.dtype).toBe(dtype === 'source' ? 'float32' : dtype);
    });
  }
});

test('the file says what it is and where it is from, and is replaced with force', async () => {
  const out = await temporary('said');
  const options = { source: goldenFolder('gpt_neox_parallel'), out, target: 'rmsnorm', format: 'gguf' } as const;
  const { certificate, notes } = await converted(options);
  expect((await readdir(out)).sort()).toEqual(['certificate.json', 'model.gguf']);
  expect(await metadataOf(out)).toMatchObject({
    'general.architecture': 'gptneox',
    'gptneox.block_count': 2,
    'gptneox.use_parallel_residual': true,
    'gptneox.rope.dimension_count': 6,
    'gptneox.attention.layer_norm_epsilon': Math.fround(1e-5),
    'normlab.norm': 'rmsnorm',
    'normlab.activation': 'gelu',
    'normlab.converted': 'rmsnorm',
    'normlab.source': certificate?.source.sha256,
  });
  expect(notes).toEqual([
    'llama.cpp’s gptneox runs it with LayerNorms, which are RMSNorms on what has mean 0.',
    'llama.cpp computes gelu in its tanh form, for this file as for any other of this model.',
    expect.stringContaining('takes and gives ids, not texts: the source has no tokenizer.json'),
  ]);
  await expect(convertModel(options)).rejects.toThrow('use --force');
  await expect(openModel(out)).rejects.toThrow(
    'holds its weights as GGUF, normlab reads safetensors; use the folder that',
  );
  expect((await convertModel({ ...options, force: true, certify: false })).status).toBe('converted');
});

test('norms of RMSNorm models are folded into a Llama with biases', async () => {
  const out = await temporary('qwen2');
  await converted({
    source: goldenFolder('qwen2'),
    out,
    target: 'rmsnorm',
    format: 'gguf',
    fold: true,
    dtype: 'float32',
  });
  expect(await relativeDifference(out, 'qwen2')).toBeLessThan(1e-6);
  const ones = await withGguf(join(out, 'model.gguf'), (file) => file.readFloat64('blk.1.ffn_norm.weight'));
  expect(new Set(ones)).toEqual(new Set([1]));
});

test('a window ends the context', async () => {
  const out = await temporary('mistral');
  const source = goldenFolder('mistral_window');
  const { notes } = await converted({ source, out, target: 'rmsnorm', format: 'gguf', fold: true });
  expect(await metadataOf(out)).toMatchObject({ 'llama.context_length': 6, 'normlab.windows': [6, 6] });
  expect(notes).toContain('llama.cpp’s llama has no windows: the context ends after 6 tokens, the smallest of them.');
});

describe('is refused with what to do instead', () => {
  test.each([
    [
      'opt',
      {},
      'the nearest of its architectures, gpt2 has a plain MLP with gelu_tanh, not a plain one with relu; use --format hf or normlab',
    ],
    ['cohere2', {}, 'has no place for positions.layers'],
    ['nemotron', {}, 'nemotron has heads of hidden size / heads'],
    ['gpt2', { dtype: 'float64' }, 'has no float64, which llama.cpp does not compute with; use --dtype float32'],
    ['gpt2', { target: 'crmsnorm' }, 'has no place for crmsnorm'],
    ['gpt2', { fold: true }, 'has no bias in its head; leave out --fold or use --format normlab'],
    ['opt', { fold: true }, 'not a plain one with relu; use --format normlab'],
    // Its RMSNorms are not known to see mean 0.
    ['qwen3', { fold: true }, 'has no norm on queries and keys'],
  ] as const)('%s %o', async (name, options, message) => {
    const out = await temporary(`refused-${name}`);
    const attempt = convertModel({
      source: goldenFolder(name),
      out,
      target: 'rmsnorm',
      format: 'gguf',
      ...options,
    });
    await expect(attempt).rejects.toMatchObject({ name: 'RefusalError', message: expect.stringContaining(message) });
  });
});

describe('a model as it is', () => {
  test('Llama: the scores of neighbours rotated together are those of halves rotated together', async () => {
    const path = await temporary('llama.gguf');
    const model = await openModel(goldenFolder('llama_gqa_tied'));
    try {
      await writeGgufModel(model, path);
      const { headSize } = model.spec.attention;
      const width = model.spec.hiddenSize;
      const projections = (read: (name: string) => Promise<Float64Array>, names: readonly [string, string]) =>
        Promise.all(names.map(read));
      const theirs = await withGguf(path, (file) =>
        projections((name) => file.readFloat64(name), ['blk.0.attn_q.weight', 'blk.0.attn_k.weight']),
      );
      const ours = await projections(
        (name) => model.checkpoint.readFloat64(`model.layers.0.self_attn.${name}.weight`),
        ['q_proj', 'k_proj'],
      );
      const neighbours = scoreOf(theirs, { headSize, width, pair: (i) => [2 * i, 2 * i + 1] });
      const halves = scoreOf(ours, { headSize, width, pair: (i) => [i, i + headSize / 2] });
      expect(Math.abs(halves)).toBeGreaterThan(1e-3);
      expect(neighbours).toBeCloseTo(halves, 9);
    } finally {
      await model.checkpoint.close();
    }
  });

  test('a tied head stays one where llama.cpp takes it so', async () => {
    const path = await temporary('gpt2.gguf');
    const model = await openModel(goldenFolder('gpt2_bf16'));
    try {
      await writeGgufModel(model, path);
      await withGguf(path, async (file) => {
        expect(file.tensors.has('output.weight')).toBe(false);
        expect(file.metadata.has('normlab.norm')).toBe(false);
        const embedding = await model.checkpoint.readFloat64('transformer.wte.weight');
        expect(await file.readFloat64('token_embd.weight')).toEqual(embedding);
      });
    } finally {
      await model.checkpoint.close();
    }
  });
});

interface Heads {
  readonly headSize: number;
  readonly width: number;
  /** The coordinates that are rotated together. */
  readonly pair: (i: number) => readonly [number, number];
}

/** The score between some vector at position 11 and another one at position 3, in the first head. */
function scoreOf([query, key]: readonly Float64Array[], { headSize, width, pair }: Heads): number {
  const project = (matrix: Float64Array | undefined, seed: number) =>
    Array.from({ length: headSize }, (_, row) => {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += (matrix?.[row * width + i] ?? Number.NaN) * Math.sin(seed + i);
      return sum;
    });
  const rotate = (x: readonly number[], position: number) => {
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
  const k = rotate(project(key, 2), 3);
  return rotate(project(query, 1), 11).reduce((sum, value, i) => sum + value * (k[i] ?? 0), 0);
}
