import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encode, openCheckpoint, openSafetensors, writeSafetensors } from '../checkpoint/index.ts';
import { isFloat } from '../core/dtype.ts';
import { InputError, InterruptedError, RefusalError } from '../core/errors.ts';
import { ulp } from '../core/rounding.ts';
import { normlabVersion } from '../core/version.ts';
import { saveNormlabModel } from '../models/index.ts';
import { differenceOf, observe, readDecoder } from './certificate/observe.fixture.ts';
import { certificateSchema } from './certificate/schema.ts';
import { convertModel } from './convert.ts';
import { preLnSpec, randomParameters } from './decoder.fixture.ts';
import { converted, differenceToGolden, goldenFolder, temporaryPaths } from './golden.fixture.ts';

const temporary = temporaryPaths();

const cases = ['gpt2', 'gpt2_n36_untied', 'gpt2_bf16', 'olmo'];
const kinds = [
  ['rmsnorm', 'hf'],
  ['rmsnorm', 'normlab'],
  ['crmsnorm', 'normlab'],
] as const;

describe.each(cases)('%s', (name) => {
  const inputs = { label: 'counting', inputIds: [[0, 1, 2, 3, 4, 5, 6, 7]] };

  test.each(kinds)('%s as %s in float64 has the logits that transformers recorded', async (target, format) => {
    const out = await temporary(`${name}-${target}-${format}-float64`);
    const { certificate } = await converted({
      source: goldenFolder(name),
      out,
      target,
      format,
      dtype: 'float64',
      inputs,
    });
    expect(await differenceToGolden(out, name)).toBeLessThan(1e-10);
    expect(certificate?.stored).toEqual(certificate?.algebra);
  });

  test.each(kinds)('%s as %s passes its certificate in the other types', async (target, format) => {
    for (const dtype of ['source', 'bfloat16', 'float16'] as const) {
      const out = await temporary(`${name}-${target}-${format}-${dtype}`);
      await converted({ source: goldenFolder(name), out, target, format, dtype, inputs });
      const certificate = certificateSchema.parse(JSON.parse(await readFile(join(out, 'certificate.json'), 'utf8')));
      expect(certificate.algebra.maxAbsLogit).toBeLessThan(1e-10);
      expect(certificate.stored.maxAbsLogit).toBeLessThanOrEqual(3 * certificate.floor.maxAbsLogit);
      expect(certificate.run.maxAbsLogit).toBeLessThanOrEqual(certificate.limits.run);
    }
  });
});

/** What the other families have that their conversion depends on: branches side by side, fused linears, biases, windows. */
const otherFamilies = [
  'gpt_neo',
  'gpt_bigcode',
  'gpt_neox_parallel',
  'opt',
  'gptj',
  'falcon_new_arch',
  'falcon_rw_arch',
  'codegen',
  'phi',
  'mpt',
  'stablelm',
  'starcoder2',
  'cohere',
  'cohere2',
  'persimmon',
  'biogpt',
  'phi_qk',
  'stablelm_qk_parallel',
  'cohere_qk',
  'dbrx',
];

test.each(otherFamilies.flatMap((name) => kinds.map(([target, format]) => [name, target, format] as const)))(
  '%s to %s as %s in float64 has the logits that transformers recorded',
  async (name, target, format) => {
    const out = await temporary(`${name}-${target}-${format}`);
    await converted({ source: goldenFolder(name), out, target, format, dtype: 'float64', certify: false });
    expect(await differenceToGolden(out, name)).toBeLessThan(1e-10);
    const { norm } = (await readDecoder(out)).spec;
    expect(norm.kind.startsWith(target)).toBe(true);
  },
);

test.each([
  ['rmsnorm', 'hf'],
  ['rmsnorm', 'normlab'],
  ['crmsnorm', 'normlab'],
] as const)('weights that are stored minus one are converted to %s as %s', async (target, format) => {
  const out = await temporary(`nemotron-${target}-${format}`);
  await converted({ source: goldenFolder('nemotron'), out, target, format, dtype: 'float64' });
  expect(await differenceToGolden(out, 'nemotron')).toBeLessThan(1e-10);
});

test('olmo as a Llama has the same logits, and weights of ones where OLMo has none', async () => {
  const out = await temporary('olmo-llama');
  await converted({ source: goldenFolder('olmo'), out, target: 'rmsnorm', format: 'llama', dtype: 'float64' });
  expect(await differenceToGolden(out, 'olmo')).toBeLessThan(1e-10);
  const checkpoint = await openCheckpoint(out);
  expect(checkpoint.config).toMatchObject({ model_type: 'llama', rms_norm_eps: 1e-5, tie_word_embeddings: false });
  expect(new Set(await checkpoint.readFloat64('model.norm.weight'))).toEqual(new Set([1]));
  await checkpoint.close();
});

test('numbers that the source writes as floats stay floats, which transformers asks for', async () => {
  const out = await temporary('floats');
  await converted({ source: goldenFolder('olmo'), out, target: 'rmsnorm', certify: false });
  expect(await readFile(join(out, 'config.json'), 'utf8')).toContain('"rope_theta": 10000.0,');
});

test('whatever writes to the stream has a mean of at most one unit in the last place', async () => {
  const out = await temporary('means');
  await converted({ source: goldenFolder('gpt2_bf16'), out, target: 'rmsnorm', certify: false });
  const file = await openSafetensors(join(out, 'model.safetensors'));
  const writers = [...file.tensors.values()].filter(({ name }) => /wte|wpe|c_proj/.test(name));
  expect(writers).toHaveLength(2 + 2 * 2 * 2);
  for (const { name, dtype, shape } of writers) {
    const data = await file.readFloat64(name);
    const width = shape.at(-1) ?? 0;
    for (let start = 0; start < data.length; start += width) {
      const row = data.subarray(start, start + width);
      const largest = Math.max(...row.map(Math.abs));
      const mean = row.reduce((sum, value) => sum + value, 0) / width;
      expect(Math.abs(mean)).toBeLessThanOrEqual(ulp(largest, isFloat(dtype) ? dtype : 'float64'));
    }
  }
  await file.close();
});

test('an untied head keeps the old embedding; what needs no rule keeps its bytes', async () => {
  const out = await temporary('untied');
  const { untiedHead } = await converted({ source: goldenFolder('gpt2'), out, target: 'rmsnorm', certify: false });
  const [before, after] = await Promise.all([openCheckpoint(goldenFolder('gpt2')), openCheckpoint(out)]);
  expect(untiedHead).toBe(true);
  expect(after.config).toMatchObject({
    tie_word_embeddings: false,
    normlab: { norm: 'rmsnorm', converted: 'rmsnorm' },
  });
  expect(await after.read('lm_head.weight')).toEqual(await before.read('transformer.wte.weight'));
  for (const name of ['transformer.ln_f.bias', 'transformer.h.1.attn.c_attn.weight']) {
    expect(await after.read(name)).toEqual(await before.read(name));
  }
  expect(await after.read('transformer.wte.weight')).not.toEqual(await before.read('transformer.wte.weight'));
  await Promise.all([before.close(), after.close()]);
});

test('blocks of any size write the same bytes', async () => {
  const options = { source: goldenFolder('gpt2_bf16'), certify: false } as const;
  for (const target of ['rmsnorm', 'crmsnorm'] as const) {
    const [whole, inBlocks] = [await temporary(`${target}-whole`), await temporary(`${target}-blocks`)];
    await converted({ ...options, target, out: whole });
    await converted({ ...options, target, out: inBlocks, maxElements: 300 });
    const weights = (folder: string) => readFile(join(folder, 'model.safetensors'));
    expect((await weights(inBlocks)).equals(await weights(whole))).toBe(true);
  }
});

test('any number of threads writes the same bytes', async () => {
  for (const [name, target] of [
    ['gpt2_bf16', 'rmsnorm'],
    ['opt', 'crmsnorm'],
  ] as const) {
    const options = { source: goldenFolder(name), certify: false, target, maxElements: 300 } as const;
    const alone = await temporary(`${name}-alone`);
    await converted({ ...options, out: alone, threads: 0 });
    for (const threads of [1, 3]) {
      const out = await temporary(`${name}-${threads}`);
      await converted({ ...options, out, threads });
      const weights = (folder: string) => readFile(join(folder, 'model.safetensors'));
      expect((await weights(out)).equals(await weights(alone))).toBe(true);
    }
  }
});

test('what a thread refuses is refused, and nothing stays', async () => {
  const [source, out] = [await temporary('bad'), await temporary('bad-out')];
  await cp(goldenFolder('gpt2_bf16'), source, { recursive: true });
  const file = join(source, 'model.safetensors');
  const checkpoint = await openCheckpoint(source);
  const info = checkpoint.tensors.get('transformer.h.1.ln_1.weight');
  await checkpoint.close();
  const bytes = await readFile(file);
  bytes.writeUInt16LE(0x7fc0, info?.byteOffset ?? 0);
  await writeFile(file, bytes);
  for (const threads of [0, 2]) {
    const error: unknown = await convertModel({ source, out, target: 'rmsnorm', certify: false, threads }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(InputError);
    expect(String(error)).toContain("transformer.h.1.ln_1.weight: NaN can't be stored as bfloat16");
    expect(await readdir(dirname(out))).not.toContain(basename(out));
  }
});

/** A golden case whose tensors are spread over two shards, with the names of the base model alone where asked for. */
async function sharded(name: string, to: string, rename: (tensor: string) => string): Promise<string> {
  const folder = await temporary(to);
  await mkdir(folder);
  await cp(join(goldenFolder(name), 'config.json'), join(folder, 'config.json'));
  const file = await openSafetensors(join(goldenFolder(name), 'model.safetensors'));
  const weightMap: Record<string, string> = {};
  for (const shard of [1, 2]) {
    const names = [...file.tensors.keys()].filter((tensor) => /wte|h\.0\./.test(tensor) === (shard === 1));
    const entries = await Promise.all(
      names.map(async (tensor) => {
        const info = file.tensors.get(tensor);
        if (info === undefined) throw new Error(tensor);
        return { name: rename(tensor), dtype: info.dtype, shape: info.shape, data: await file.read(tensor) };
      }),
    );
    await writeSafetensors(join(folder, `model-0000${shard}-of-00002.safetensors`), entries);
    for (const tensor of names) weightMap[rename(tensor)] = `model-0000${shard}-of-00002.safetensors`;
  }
  await file.close();
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));
  return folder;
}

test('shards stay shards, and a new head joins the embedding’s', async () => {
  const source = await sharded('gpt2', 'sharded', (name) => name);
  const out = await temporary('sharded-out');
  const { bytesWritten, certificate } = await converted({ source, out, target: 'rmsnorm' });
  const index = JSON.parse(await readFile(join(out, 'model.safetensors.index.json'), 'utf8'));
  expect(index.weight_map['lm_head.weight']).toBe('model-00001-of-00002.safetensors');
  expect(index.weight_map['transformer.h.2.ln_1.bias']).toBe('model-00002-of-00002.safetensors');
  expect(index.metadata.total_size).toBe(bytesWritten);
  expect(await differenceToGolden(out, 'gpt2')).toBeLessThan(2e-6);
  expect(certificate?.source.files.map(({ name }) => name)).toEqual([
    'config.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
  ]);
  const crmsnorm = await temporary('sharded-crmsnorm');
  await converted({ source, out: crmsnorm, target: 'crmsnorm', dtype: 'float64', certify: false });
  expect(await differenceToGolden(crmsnorm, 'gpt2')).toBeLessThan(1e-10);
});

test('names of the base model alone become those of the model with a head', async () => {
  const source = await sharded('gpt2', 'base-names', (name) => name.replace('transformer.', ''));
  const out = await temporary('base-names-out');
  await converted({ source, out, target: 'rmsnorm', dtype: 'float64', certify: false });
  const checkpoint = await openCheckpoint(out);
  expect([...checkpoint.tensors.keys()].filter((name) => !name.startsWith('transformer.'))).toEqual(['lm_head.weight']);
  await checkpoint.close();
  expect(await differenceToGolden(out, 'gpt2')).toBeLessThan(1e-10);
});

test('normlab’s own models are converted, with biases that only the folded norms bring', async () => {
  const base = preLnSpec({ mlp: { ...preLnSpec().mlp, bias: false } });
  const spec = { ...base, attention: { ...base.attention, qkvBias: false, outputBias: false } };
  const source = await temporary('own');
  const parameters = randomParameters(spec);
  const tensors = [...parameters].map(([name, { shape, data }]) => [name, { dtype: 'float32', shape, data }] as const);
  await saveNormlabModel(source, spec, new Map(tensors));
  await writeFile(join(source, 'tokenizer.json'), '{}');
  const out = await temporary('own-crmsnorm');
  const result = await converted({ source, out, target: 'crmsnorm', dtype: 'float64' });
  expect(result.copied).toEqual(['tokenizer.json']);
  const rules = new Map(result.certificate?.rules.map(({ tensor, rule }) => [tensor, rule]));
  expect(rules.get('blocks.0.mlp.down.bias')).toBe('zeros');
  expect(rules.get('blocks.0.mlp.up.bias')).toBe('zeros; add blocks.0.mlp.up.weight · blocks.0.mlp.input_norm.bias');
  const inputIds = [[1, 2, 3, 4]];
  const difference = differenceOf(
    observe(await readDecoder(source), inputIds),
    observe(await readDecoder(out), inputIds),
  );
  expect(difference.maxAbsLogit).toBeLessThan(1e-10);
});

test('the certificate names the source by the hashes of its files', async () => {
  const source = goldenFolder('gpt2_bf16');
  const { certificate } = await converted({ source, out: await temporary('hashes'), target: 'rmsnorm' });
  const hash = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const files = ['config.json', 'model.safetensors'];
  const sums = await Promise.all(files.map(async (name) => hash(await readFile(join(source, name)))));
  expect(certificate?.source.files).toEqual(files.map((name, i) => ({ name, sha256: sums[i] })));
  expect(certificate?.source.sha256).toBe(hash(files.map((name, i) => `${sums[i]}  ${name}\n`).join('')));
});

test('token ids can be given', async () => {
  const options = { source: goldenFolder('gpt2_bf16'), target: 'rmsnorm' } as const;
  const inputs = { label: 'a sentence', inputIds: [[5, 6, 7]] };
  const { certificate } = await converted({ ...options, out: await temporary('given'), inputs });
  expect(certificate?.inputs).toEqual({ kind: 'given', ...inputs });
  for (const [inputIds, message] of [
    [[[1], [2, 3]], /not a rectangle/],
    [[[128]], /128 is no token id/],
    [[new Array(33).fill(0)], /has 32 positions/],
  ] as const) {
    const out = await temporary('given-wrong');
    await expect(convertModel({ ...options, out, inputs: { label: '', inputIds } })).rejects.toThrow(message);
  }
});

test('nothing to do writes nothing', async () => {
  const out = await temporary('nothing');
  const result = await convertModel({ source: goldenFolder('llama'), out, target: 'rmsnorm' });
  expect(result.status).toBe('nothing-to-do');
  await expect(readdir(out)).rejects.toThrow('ENOENT');
});

test.each([
  [{ format: 'gguf' }, true],
  [{ format: 'onnx', fold: true }, false],
  [{ dtype: 'bfloat16' }, true],
  [{ format: 'hf', dtype: 'float32' }, undefined],
  [{ format: 'llama' }, undefined],
] as const)('nothing to do for %o says whether that leaves something out', async (options, folds) => {
  const out = await temporary('left-out');
  let source = goldenFolder('llama');
  if (folds === false) {
    source = await temporary('folded');
    await convertModel({ source: goldenFolder('llama'), out: source, target: 'rmsnorm', fold: true, certify: false });
  }
  const result = await convertModel({ source, out, target: 'rmsnorm', ...options });
  if (result.status !== 'nothing-to-do') throw new Error(`is ${result.status}`);
  if (folds === undefined) expect(result.reason).toMatch(/nothing to do$/);
  else expect(result.reason).toMatch(folds ? /keeps its format .*\(--fold rewrites it\)$/ : /element type$/);
  await expect(readdir(out)).rejects.toThrow('ENOENT');
});

test('an operator set that is not written is refused, also where there is nothing to do', async () => {
  const options = { source: goldenFolder('llama'), out: await temporary('opset'), target: 'rmsnorm' } as const;
  await expect(convertModel({ ...options, opset: 99 })).rejects.toThrow('operator set 99 is not written');
});

describe('what was converted once', () => {
  test.each([
    ['gpt2_bf16', 'rmsnorm', 'hf'],
    ['gpt2_bf16', 'rmsnorm', 'normlab'],
    ['olmo', 'rmsnorm', 'llama'],
    ['gpt2_bf16', 'crmsnorm', 'normlab'],
  ] as const)('%s as %s (%s) says so, and is not converted to that again', async (name, target, format) => {
    const [once, twice] = [await temporary(`once-${target}-${format}`), await temporary('twice')];
    const { certificate } = await converted({ source: goldenFolder(name), out: once, target, format });
    const sha256 = certificate?.source.sha256;
    const config = JSON.parse(await readFile(join(once, 'config.json'), 'utf8'));
    expect(config.normlab).toMatchObject({ converted: target, source: sha256, version: normlabVersion() });
    const before = await contents(once);
    for (const out of [twice, once]) {
      const again = await convertModel({ source: once, out, target, force: true });
      expect(again).toEqual({
        status: 'nothing-to-do',
        reason: expect.stringContaining(`from the source with sha256 ${sha256?.slice(0, 12)}…; nothing to do`),
      });
    }
    expect(await contents(once)).toEqual(before);
    await expect(readdir(twice)).rejects.toThrow('ENOENT');
  });

  test('is no source of the other', async () => {
    const [once, twice] = [await temporary('once'), await temporary('other')];
    await converted({ source: goldenFolder('gpt2_bf16'), out: once, target: 'rmsnorm', certify: false });
    await expect(convertModel({ source: once, out: twice, target: 'crmsnorm' })).rejects.toThrow(RefusalError);
  });
});

async function contents(folder: string) {
  const names = await readdir(folder);
  return Promise.all(names.map(async (name) => [name, (await readFile(join(folder, name))).toString('base64')]));
}

test('the output is never the source, in it or around it, and replaces nothing unasked', async () => {
  const source = await temporary('guarded/source');
  await cp(goldenFolder('gpt2_bf16'), source, { recursive: true });
  for (const out of [source, join(source, 'x'), dirname(source), `${source}/../source`]) {
    await expect(convertModel({ source, out, target: 'rmsnorm', force: true })).rejects.toThrow(RefusalError);
  }
  const out = await temporary('existing');
  await converted({ source, out, target: 'rmsnorm', certify: false });
  await expect(convertModel({ source, out, target: 'rmsnorm' })).rejects.toThrow(InputError);
  await converted({ source, out, target: 'crmsnorm', force: true, certify: false });
});

test.each([
  ['opt_postln', 'rmsnorm', undefined, /placement is post/],
  ['opt_postln', 'crmsnorm', undefined, /placement is post/],
  ['openai_gpt_postln', 'rmsnorm', undefined, /placement is post/],
  ['openai_gpt_postln', 'crmsnorm', undefined, /placement is post/],
  ['bloom_post_residual', 'rmsnorm', undefined, /residualFromNorm: .*explicit recentring/],
  ['bloom_post_residual', 'crmsnorm', undefined, /residualFromNorm: .*explicit recentring/],
  ['olmo2', 'crmsnorm', undefined, /placement is output/],
  ['gemma2', 'crmsnorm', undefined, /placement is peri/],
  ['glm4', 'crmsnorm', undefined, /placement is peri/],
  ['llama', 'crmsnorm', undefined, /not zero-mean/],
  ['mixtral', 'crmsnorm', undefined, /not zero-mean/],
  ['gemma', 'crmsnorm', undefined, /not zero-mean/],
  ['mistral_window', 'crmsnorm', undefined, /not zero-mean/],
  ['qwen2', 'crmsnorm', undefined, /not zero-mean/],
  ['qwen3', 'crmsnorm', undefined, /not zero-mean/],
  ['phi3', 'crmsnorm', undefined, /not zero-mean/],
  ['gpt2', 'crmsnorm', 'hf', /format hf has no place for crmsnorm/],
  ['gpt2', 'crmsnorm', 'llama', /format llama has no place for crmsnorm/],
  ['gpt2', 'rmsnorm', 'llama', /norms have biases/],
] as const)('%s to %s (%s) is refused', async (name, target, format, message) => {
  const out = await temporary('refused');
  const refused = convertModel({ source: goldenFolder(name), out, target, format });
  await expect(refused).rejects.toThrow(RefusalError);
  await expect(refused).rejects.toThrow(message);
  await expect(readdir(out)).rejects.toThrow('ENOENT');
});

test('a value that the type cannot hold is refused by name', async () => {
  const spec = preLnSpec();
  const tensors = [...randomParameters(spec)].map(([name, { shape, data }]) => {
    const values = name === 'blocks.1.mlp.up.bias' ? data.map((x, i) => (i === 3 ? 1e5 : x)) : data;
    return [name, { dtype: 'float32', shape, data: encode(values, 'float32') }] as const;
  });
  const source = await temporary('large');
  await saveNormlabModel(source, spec, new Map(tensors));
  const out = await temporary('large-out');
  await expect(convertModel({ source, out, target: 'rmsnorm', dtype: 'float16' })).rejects.toThrow(
    /blocks\.1\.mlp\.up\.bias: 100000 can't be stored as float16; choose a wider --dtype/,
  );
});

test('work that is stopped leaves nothing behind', async () => {
  const out = await temporary('stopped/out');
  const controller = new AbortController();
  const stopped = convertModel({
    source: goldenFolder('gpt2_bf16'),
    out,
    target: 'rmsnorm',
    signal: controller.signal,
    onProgress: (line) => {
      if (line.startsWith('checking')) controller.abort(new InterruptedError('stopped'));
    },
  });
  await expect(stopped).rejects.toThrow(InterruptedError);
  expect(await readdir(dirname(out))).toEqual([]);
});
