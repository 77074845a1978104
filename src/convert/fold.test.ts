import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../checkpoint/index.ts';
import { RefusalError } from '../core/errors.ts';
import { kindOf } from '../models/index.ts';
import { readDecoder } from './certificate/observe.fixture.ts';
import { convertModel } from './convert.ts';
import { converted, differenceToGolden, goldenFolder, temporaryPaths } from './golden.fixture.ts';

const temporary = temporaryPaths();

/** RMSNorms with weights and with 1 + w, before branches, after them and on both sides; tied heads, experts, latents. */
const native = [
  'llama',
  'llama_gqa_tied',
  'llama_sharded',
  'qwen2',
  'qwen3',
  'gemma',
  'gemma2',
  'gemma3_text',
  'glm4',
  'granite',
  'olmo2',
  'olmoe',
  'phi3',
  'mixtral',
  'qwen2_moe',
  'deepseek_v3',
];

describe.each(native)('%s', (name) => {
  test.each(['hf', 'normlab'] as const)('folded as %s in float64 has the same logits', async (format) => {
    const out = await temporary(`${name}-${format}`);
    const source = goldenFolder(name);
    const result = await converted({
      source,
      out,
      target: 'rmsnorm',
      format,
      fold: true,
      dtype: 'float64',
      certify: false,
    });
    expect(result.tensorsRewritten).toBeGreaterThan(0);
    expect(await differenceToGolden(out, name)).toBeLessThan(1e-10);
    const { spec, parameters } = await readDecoder(out);
    const { spec: before, parameters: unfolded } = await readDecoder(source);
    for (const [parameter, { data }] of parameters) {
      const [, part = ''] = /^(.*(?:input_norm|final_norm))\.weight$/.exec(parameter) ?? [];
      if (part === '') continue;
      const { weightOffset } = kindOf(part === 'final_norm' ? (spec.finalNorm ?? spec.norm) : spec.norm);
      expect(new Set(data)).toEqual(new Set([1 - weightOffset]));
    }
    expect(parameters.get('embedding.token.weight')).toEqual(unfolded.get('embedding.token.weight'));
    expect(spec.tiedHead).toBe(false);
    if (format === 'hf') expect({ ...spec, tiedHead: before.tiedHead }).toEqual(before);
    else expect(spec.finalNorm?.kind).toBe('rmsnorm-nonparametric');
    const again = { source: out, out: await temporary('again'), target: 'rmsnorm', fold: true } as const;
    expect((await convertModel(again)).status).toBe('nothing-to-do');
  });
});

test('norms on outputs, queries and keys keep their weights', async () => {
  for (const name of ['olmo2', 'gemma2', 'qwen3'] as const) {
    const out = await temporary(`${name}-kept`);
    await converted({ source: goldenFolder(name), out, target: 'rmsnorm', fold: true, certify: false });
    const [{ parameters }, { parameters: before }] = await Promise.all([
      readDecoder(out),
      readDecoder(goldenFolder(name)),
    ]);
    const kept = [...before.keys()].filter((parameter) => /(output|query|key)_norm\./.test(parameter));
    expect(kept.length).toBeGreaterThan(0);
    for (const parameter of kept) expect(parameters.get(parameter)).toEqual(before.get(parameter));
  }
});

test.each(['llama', 'gemma', 'llama_f16'])('%s folded passes its certificate in every type', async (name) => {
  for (const dtype of ['source', 'float64', 'bfloat16', 'float16'] as const) {
    const out = await temporary(`${name}-fold-${dtype}`);
    const { certificate } = await converted({ source: goldenFolder(name), out, target: 'rmsnorm', fold: true, dtype });
    expect(certificate?.passed).toBe(true);
    const means = certificate?.algebra.residualMeans;
    for (const [i, mean] of (means?.after ?? []).entries())
      expect(mean).toBeCloseTo(means?.before[i] ?? Number.NaN, 10);
  }
});

test('a folded Llama stays one, with its provenance', async () => {
  const out = await temporary('provenance');
  await converted({ source: goldenFolder('llama_gqa_tied'), out, target: 'rmsnorm', fold: true, certify: false });
  const { config, ...checkpoint } = await openCheckpoint(out);
  expect(config).toMatchObject({ model_type: 'llama', tie_word_embeddings: false, normlab: { folded: true } });
  expect(config).not.toHaveProperty('normlab.converted');
  expect(config).not.toHaveProperty('normlab.norm');
  await checkpoint.close();
  const crmsnorm = convertModel({ source: out, out: await temporary('to-crmsnorm'), target: 'crmsnorm' });
  await expect(crmsnorm).rejects.toThrow('its residual stream is not zero-mean');
});

test('as a Llama where it is one, else refused', async () => {
  const options = { target: 'rmsnorm', fold: true, format: 'llama', dtype: 'float64', certify: false } as const;
  const out = await temporary('as-llama');
  await converted({ ...options, source: goldenFolder('llama'), out });
  expect(await differenceToGolden(out, 'llama')).toBeLessThan(1e-10);
  for (const [name, message] of [
    ['glm4', 'format llama: placement is peri'],
    ['gemma', 'the MLP is gated with gelu_tanh'],
    ['olmo2', 'format llama: placement is output'],
  ] as const) {
    const refused = convertModel({ ...options, source: goldenFolder(name), out: await temporary(`${name}-llama`) });
    await expect(refused).rejects.toThrow(message);
  }
});

test('a LayerNorm model is converted and folded at once, where its biases find a place', async () => {
  const source = goldenFolder('gpt2');
  const out = await temporary('gpt2-folded');
  const options = { source, target: 'rmsnorm', fold: true, dtype: 'float64' } as const;
  await converted({ ...options, out, format: 'normlab' });
  expect(await differenceToGolden(out, 'gpt2')).toBeLessThan(1e-10);
  expect((await readDecoder(out)).spec.norm.kind).toBe('rmsnorm-nonparametric');
  const asClass = convertModel({ ...options, out: await temporary('gpt2-hf'), format: 'hf' });
  await expect(asClass).rejects.toThrow(RefusalError);
  await expect(asClass).rejects.toThrow('no place for the biases that linears get from folded norms; leave out --fold');
  const cohere = await temporary('cohere-folded');
  await converted({ ...options, source: goldenFolder('cohere'), out: cohere, format: 'hf' });
  expect(await differenceToGolden(cohere, 'cohere')).toBeLessThan(1e-10);
});
