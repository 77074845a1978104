import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InterruptedError } from '../../core/errors.ts';
import { golden, readTensors, temporaryFolder } from '../checkpoint.fixture.ts';
import { families } from '../families/index.ts';
import { openModel } from '../load.ts';
import { type RandomModelOptions, writeRandomModel } from './write.ts';

async function configOf(name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(golden(name), 'config.json'), 'utf8'));
}

async function written(name: string, options: Partial<RandomModelOptions> = {}) {
  const out = join(await temporaryFolder(), 'model');
  const result = await writeRandomModel({ config: await configOf(name), out, ...options });
  return { out, result };
}

/** Every tensor of a folder as float64. */
async function valuesOf(folder: string): Promise<ReadonlyMap<string, Float64Array>> {
  const model = await openModel(folder);
  try {
    const values = new Map<string, Float64Array>();
    for (const { name } of model.tensors) values.set(name, await model.checkpoint.readFloat64(name));
    return values;
  } finally {
    await model.checkpoint.close();
  }
}

describe('a random model', () => {
  const cases = [
    'gpt2',
    'llama_gqa_tied',
    'gemma',
    'mixtral',
    'qwen2_moe',
    'bloom',
    'falcon_new_arch',
    'phi3',
    'olmo',
    'dbrx',
    'cohere_qk',
  ];

  test.each(cases)('%s opens as what its config says', async (name) => {
    const { out, result } = await written(name);
    const model = await openModel(out);
    await model.checkpoint.close();
    expect(model.tensors.length).toBe(model.checkpoint.tensors.size);
    expect(families.some(({ id }) => id === result.family)).toBe(true);
    expect(result.parameters).toBe(model.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0));
  });

  test('draws each expert by itself where all lie in one tensor', async () => {
    const values = (await valuesOf((await written('dbrx')).out)).get('transformer.blocks.1.ffn.experts.mlp.w2');
    const first = Array.from({ length: 4 }, (_, expert) => values?.[expert * 20 * 48]);
    expect(new Set(first).size).toBe(4);
    expect(first).not.toContain(0);
  });

  test('draws weights with the given deviation, and leaves biases and norms neutral', async () => {
    const { out } = await written('gpt2', { scale: 0.5 });
    const values = await valuesOf(out);
    const of = (name: string) => values.get(name) ?? new Float64Array();
    for (const name of ['transformer.wte.weight', 'transformer.h.1.mlp.c_fc.weight']) {
      const deviation = Math.sqrt(of(name).reduce((sum, x) => sum + x * x, 0) / of(name).length);
      expect(Math.abs(deviation / 0.5 - 1)).toBeLessThan(5 / Math.sqrt(2 * of(name).length));
    }
    expect(new Set(of('transformer.h.0.ln_1.weight'))).toEqual(new Set([1]));
    expect(new Set([...of('transformer.h.0.ln_1.bias'), ...of('transformer.h.2.mlp.c_proj.bias')])).toEqual(
      new Set([0]),
    );
    const gemma = await valuesOf((await written('gemma')).out);
    expect(new Set(gemma.get('model.norm.weight'))).toEqual(new Set([0]));
  });

  test('is a function of the seed; another dtype holds the same numbers, rounded', async () => {
    const a = await valuesOf((await written('llama_gqa_tied', { seed: 3 })).out);
    expect(await valuesOf((await written('llama_gqa_tied', { seed: '3' })).out)).toEqual(a);
    const other = await valuesOf((await written('llama_gqa_tied', { seed: 4 })).out);
    const half = await valuesOf((await written('llama_gqa_tied', { seed: 3, dtype: 'bfloat16' })).out);
    const double = await valuesOf((await written('llama_gqa_tied', { seed: 3, dtype: 'float64' })).out);
    const name = 'model.layers.0.self_attn.q_proj.weight';
    expect(other.get(name)).not.toEqual(a.get(name));
    expect(a.get('model.layers.1.self_attn.q_proj.weight')).not.toEqual(a.get(name));
    expect(double).toEqual(a);
    for (const [i, value] of (half.get(name) ?? []).entries()) {
      expect(Math.abs(value / (a.get(name)?.[i] ?? Number.NaN) - 1)).toBeLessThanOrEqual(2 ** -8);
    }
  });

  test('is spread over shards with an index, and holds the same', async () => {
    const { out, result } = await written('llama_gqa_tied', { shardBytes: 20_000 });
    expect(result.files.length).toBeGreaterThan(2);
    expect(result.files[0]).toMatch(/^model-00001-of-000\d\d\.safetensors$/);
    expect(await readdir(out)).toEqual([...['config.json', ...result.files], 'model.safetensors.index.json'].sort());
    for (const file of result.files) {
      const tensors = [...(await readTensors(join(out, file))).values()];
      const bytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
      expect(bytes <= 20_000 || tensors.length === 1).toBe(true);
    }
    expect(await valuesOf(out)).toEqual(await valuesOf((await written('llama_gqa_tied')).out));
    const { metadata } = JSON.parse(await readFile(join(out, 'model.safetensors.index.json'), 'utf8'));
    expect(metadata).toEqual({ total_size: result.bytes });
  });

  test('says its dtype in the config, under the key that is there', async () => {
    const config = JSON.parse(
      await readFile(join((await written('gpt2', { dtype: 'float16' })).out, 'config.json'), 'utf8'),
    );
    expect(config).toEqual({ ...(await configOf('gpt2')), torch_dtype: 'float16' });
  });
});

describe('nothing stays behind', () => {
  test('where it is interrupted', async () => {
    const parent = await temporaryFolder();
    const controller = new AbortController();
    const work = writeRandomModel({
      config: await configOf('gpt2'),
      out: join(parent, 'model'),
      signal: controller.signal,
      onProgress: (fraction) => fraction > 0.5 && controller.abort(new InterruptedError('stop')),
    });
    await expect(work).rejects.toThrow('stop');
    expect(await readdir(parent)).toEqual([]);
  });

  test.each<[string, Partial<RandomModelOptions>, RegExp]>([
    ['a config that is not understood', { config: { model_type: 'gpt2', n_embd: 7, n_head: 2, n_layer: 1 } }, /n_embd/],
    [
      'numbers that the dtype does not hold',
      { scale: 1e6, dtype: 'float16' },
      /the scale 1000000 gives numbers that float16/,
    ],
    [
      'more bytes than any disk has, before one is written',
      {
        config: { model_type: 'gpt2', n_embd: 2 ** 20, n_head: 1, n_layer: 1, vocab_size: 2 ** 30, n_positions: 1 },
        onProgress: () => expect.unreachable(),
      },
      /model: takes .+, but only .+ are free there; free some space/,
    ],
    ['a scale that is none', { scale: Number.NaN }, /scale is NaN, expected a number from 0/],
  ])('%s', async (_, options, message) => {
    const parent = await temporaryFolder();
    const work = writeRandomModel({ config: await configOf('gpt2'), out: join(parent, 'model'), ...options });
    await expect(work).rejects.toThrow(message);
    expect(await readdir(parent)).toEqual([]);
  });

  test('an existing model is replaced with force only', async () => {
    const { out } = await written('gpt2');
    const again = { config: await configOf('gpt2'), out, seed: 1 };
    await expect(writeRandomModel(again)).rejects.toThrow('exists; use --force to replace it');
    const before = await valuesOf(out);
    await writeRandomModel({ ...again, force: true });
    expect(await valuesOf(out)).not.toEqual(before);
  });
});
