import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSafetensors } from '../checkpoint/index.ts';
import { InputError } from '../core/errors.ts';
import { saveNormlabModel } from '../models/index.ts';
import { tallyLogits } from './certificate/logits.ts';
import { certifyModels } from './certify-models.ts';
import { type ConvertOptions, convertModel } from './convert.ts';
import { preLnSpec, randomParameters } from './decoder.fixture.ts';
import { goldenFolder, temporaryPaths } from './golden.fixture.ts';

const temporary = temporaryPaths();

async function conversion(name: string, options: Pick<ConvertOptions, 'target' | 'format' | 'dtype' | 'fold'>) {
  const out = await temporary([name, ...Object.values(options)].join('-'));
  await convertModel({ source: goldenFolder(name), out, certify: false, ...options });
  return { source: goldenFolder(name), converted: out };
}

async function writeText(name: string, text: string | Uint8Array): Promise<string> {
  const path = await temporary(name);
  await writeFile(path, text);
  return path;
}

/** A tiny GPT-2 of 500 ids in normlab's own format, with a tokenizer where one is named. */
async function own(name: string, seed: number, tokenizer?: 'byte-level' | 'sentencepiece'): Promise<string> {
  const spec = preLnSpec({ vocabularySize: 500 });
  const folder = await temporary(name);
  const tensors = [...randomParameters(spec, seed)].map(
    ([parameter, { shape, data }]) => [parameter, { dtype: 'float32', shape, data }] as const,
  );
  await saveNormlabModel(folder, spec, new Map(tensors));
  const file = `../../test/fixtures/tokenizers/${tokenizer}/tokenizer.json`;
  if (tokenizer !== undefined) await cp(new URL(file, import.meta.url), join(folder, 'tokenizer.json'));
  return folder;
}

/** A copy of a folder with some keys of its config changed. */
async function changed(folder: string, to: string, keys: Readonly<Record<string, unknown>>): Promise<string> {
  const copy = await temporary(to);
  await cp(folder, copy, { recursive: true });
  const path = join(copy, 'config.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...keys }));
  return copy;
}

test.each([
  ['gpt2', { target: 'rmsnorm' }],
  ['gpt2_bf16', { target: 'crmsnorm' }],
  ['gpt2', { target: 'crmsnorm', dtype: 'float64' }],
  ['olmo', { target: 'rmsnorm', format: 'llama' }],
  ['gpt_neox_parallel', { target: 'rmsnorm', dtype: 'bfloat16' }],
] as const)('%s as %j has the figures of the conversion’s own certificate', async (name, options) => {
  const folders = await conversion(name, options);
  const again = await convertModel({
    source: folders.source,
    out: await temporary(`${name}-${Object.values(options).join('-')}-certified`),
    ...options,
  });
  const own = again.status === 'converted' ? again.certificate : null;
  const measured = await certifyModels(folders);
  expect(measured.passed).toBe(true);
  for (const figure of ['algebra', 'stored', 'run', 'floor', 'engineFloor', 'limits', 'inputs'] as const) {
    expect(measured[figure]).toEqual(own?.[figure]);
  }
});

test.each([
  ['gpt2', { target: 'rmsnorm', fold: true, format: 'normlab' }],
  ['stablelm', { target: 'rmsnorm', fold: false, format: 'normlab' }],
  ['llama', { target: 'rmsnorm', fold: true, format: 'normlab' }],
] as const)('%s as %j is recognized, folded or not', async (name, options) => {
  const measured = await certifyModels(await conversion(name, options));
  expect(measured.algebra?.maxAbsLogit).toBeLessThan(1e-10);
  expect(measured.passed).toBe(true);
});

test('a model equals itself: no difference, no floor', async () => {
  const source = goldenFolder('llama');
  const measured = await certifyModels({ source, converted: source });
  expect(measured).toMatchObject({ passed: true, algebra: null, stored: { maxAbsLogit: 0, kl: 0, top1Agreement: 1 } });
  expect(measured.floor.maxAbsLogit).toBe(0);
  expect(measured.stored.residualMeans.after).toEqual(measured.stored.residualMeans.before);
});

test('an epsilon that hides in the rounding of bfloat16 shows in the algebra', async () => {
  const { source, converted } = await conversion('gpt2', { target: 'rmsnorm', dtype: 'bfloat16' });
  const wrong = await changed(converted, 'wrong-epsilon', { layer_norm_epsilon: 1e-6 });
  const measured = await certifyModels({ source, converted: wrong });
  expect(measured.stored.maxAbsLogit).toBeLessThan(measured.limits.stored);
  expect(measured.algebra?.maxAbsLogit).toBeGreaterThan(measured.limits.algebra);
  expect(measured.passed).toBe(false);
});

test('weights that were not recentred, run with RMSNorm, are off', async () => {
  const source = goldenFolder('gpt2');
  const converted = await changed(source, 'not-recentred', { normlab: { norm: 'rmsnorm' } });
  const measured = await certifyModels({ source, converted });
  expect(measured.passed).toBe(false);
  expect(measured.stored.maxAbsLogit).toBeGreaterThan(1e-3);
});

test('two models that have nothing to do with each other differ, and no algebra is claimed', async () => {
  const [source, converted] = [await own('seed-1', 1), await own('seed-2', 2)];
  expect(await certifyModels({ source, converted })).toMatchObject({ passed: false, algebra: null });
});

test('tokenizers that disagree on the text are refused', async () => {
  const text = await writeText('words.txt', 'the words of a text');
  const [source, converted] = [await own('one', 1, 'byte-level'), await own('other', 1, 'sentencepiece')];
  const inputs = { text };
  await expect(certifyModels({ source, converted, inputs })).rejects.toThrow(/other ids than the source’s/);
  const bare = await own('bare', 1);
  const { inputs: used, passed } = await certifyModels({ source, converted: bare, inputs });
  expect(used).toMatchObject({ kind: 'text', tokenizer: 'tokenizer.json' });
  expect(passed).toBe(true);
});

test('on a text: its beginning by the source’s tokenizer, and the perplexities', async () => {
  const folders = await conversion('gpt2', { target: 'crmsnorm' });
  const text = await writeText('text.txt', 'Übermäßig geübt'.repeat(20));
  const { inputs, perplexity, passed } = await certifyModels({ ...folders, inputs: { text, tokens: 70 } });
  const bytes = [...Buffer.from('Übermäßig geübt'.repeat(20))];
  const length = inputs.inputIds[0]?.length ?? 0;
  expect(inputs).toMatchObject({ kind: 'text', file: 'text.txt' });
  expect(inputs.inputIds.flat()).toEqual(bytes.slice(0, Math.floor(70 / length) * length));
  expect(passed).toBe(true);
  expect(perplexity?.source).toBeGreaterThan(50);
  for (const value of Object.values(perplexity ?? {})) {
    expect(Math.abs(value / (perplexity?.source ?? 0) - 1)).toBeLessThan(1e-5);
  }
});

test('perplexity is exp of the loss that transformers recorded', async () => {
  const golden = await openSafetensors(join(goldenFolder('gpt2'), 'golden.safetensors'));
  const logits = await golden.readFloat64('logits');
  const ids = [...(await golden.readFloat64('input_ids'))];
  const [recorded = 0] = await golden.readFloat64('loss');
  const [batch = 0] = golden.tensors.get('input_ids')?.shape ?? [];
  await golden.close();
  const length = ids.length / batch;
  const rows = Array.from({ length: batch }, (_, row) => ids.slice(row * length, (row + 1) * length));
  const vocabularySize = logits.length / ids.length;
  const tally = tallyLogits(rows);
  for (const [start, end] of [
    [0, 10],
    [10, 11],
    [11, vocabularySize],
  ] as const) {
    tally.add(logits.filter((_, i) => i % vocabularySize >= start && i % vocabularySize < end));
  }
  expect(tally.perplexity() / Math.exp(recorded)).toBeCloseTo(1, 12);
});

test('a conversion is certified on a text', async () => {
  const text = await writeText('conversion.txt', 'one two three');
  const options = { source: goldenFolder('gpt2'), out: await temporary('on-text'), target: 'rmsnorm' } as const;
  const result = await convertModel({ ...options, inputs: { text } });
  const certificate = result.status === 'converted' ? result.certificate : null;
  expect(certificate?.inputs).toMatchObject({ kind: 'text', inputIds: [[...Buffer.from('one two three')]] });
  expect(certificate?.perplexity?.stored).toBeCloseTo(certificate?.perplexity?.source ?? 0, 3);
});

test.each([
  ['an empty file', '', /has 0 tokens/],
  ['one token', 'a', /has 1 tokens/],
  ['no UTF-8', Uint8Array.of(0xc3, 0x28), /is not UTF-8/],
  ['no text', Uint8Array.of(65, 0, 65), /zero byte/],
])('%s is refused', async (name, content, message) => {
  const source = goldenFolder('gpt2');
  const inputs = { text: await writeText(name.replaceAll(' ', '-'), content) };
  const refused = certifyModels({ source, converted: source, inputs });
  await expect(refused).rejects.toThrow(InputError);
  await expect(refused).rejects.toThrow(message);
});

test.each([
  ['gpt2', 'gpt2_bf16', /has 128 ids, .* has 256/],
  ['qwen2', 'qwen2_tied', /has 36 hidden entries, .* has 60/],
])('%s and %s are no pair', async (source, converted, message) => {
  const refused = certifyModels({ source: goldenFolder(source), converted: goldenFolder(converted) });
  await expect(refused).rejects.toThrow(InputError);
  await expect(refused).rejects.toThrow(message);
});

test('a text needs a tokenizer; a folder is no text', async () => {
  const source = goldenFolder('gpt2_bf16');
  const text = await writeText('some.txt', 'some text');
  const on = (path: string, folder = source) =>
    certifyModels({ source: folder, converted: folder, inputs: { text: path } });
  await expect(on(text)).rejects.toThrow(/has no tokenizer\.json/);
  await expect(on(await temporary('.'), goldenFolder('gpt2'))).rejects.toThrow(/is a folder/);
});
