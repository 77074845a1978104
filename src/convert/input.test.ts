import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCheckpoint, openSafetensors } from '../checkpoint/index.ts';
import { ulp } from '../core/rounding.ts';
import { decoderParts } from '../models/index.ts';
import { readDecoder } from './certificate/observe.fixture.ts';
import { convertModel } from './convert.ts';
import { converted, differenceToGolden, goldenFolder, temporaryPaths } from './golden.fixture.ts';

const temporary = temporaryPaths();

const cases = [
  ['bloom', 'rmsnorm', 'hf'],
  ['bloom', 'rmsnorm', 'normlab'],
  ['bloom', 'crmsnorm', 'normlab'],
  ['xglm', 'rmsnorm', 'hf'],
  ['xglm', 'rmsnorm', 'normlab'],
  ['xglm', 'crmsnorm', 'normlab'],
] as const;

describe.each(cases)('%s to %s as %s', (name, target, format) => {
  const source = goldenFolder(name);
  const where = `${name}-${target}-${format}`;

  test('in float64 has the logits that transformers recorded, and a stream of mean 0', async () => {
    const out = await temporary(where);
    const { certificate } = await converted({ source, out, target, format, dtype: 'float64' });
    expect(await differenceToGolden(out, name)).toBeLessThan(1e-10);
    expect(Math.max(...(certificate?.stored.residualMeans.after ?? [Number.NaN]))).toBeLessThan(1e-14);
    expect(Math.max(...(certificate?.stored.residualMeans.before ?? [Number.NaN]))).toBeGreaterThan(1e-3);
    const again = await convertModel({ source: out, out: await temporary('again'), target });
    expect(again.status).toBe('nothing-to-do');
  });

  test('passes its certificate in the other types', async () => {
    for (const dtype of ['float32', 'bfloat16', 'float16'] as const) {
      const { certificate } = await converted({
        source,
        out: await temporary(`${where}-${dtype}`),
        target,
        format,
        dtype,
      });
      expect(certificate?.passed).toBe(true);
      expect(certificate?.stored.maxAbsLogit).toBeGreaterThan(0);
    }
  });
});

test('whatever writes to the stream of a BLOOM has a mean of at most one unit in the last place', async () => {
  const out = await temporary('bloom-means');
  await converted({ source: goldenFolder('bloom'), out, target: 'rmsnorm', dtype: 'bfloat16', certify: false });
  const { parameters, spec } = await readDecoder(out);
  const writers = decoderParts(spec).filter(
    (part) => part.type === 'embedding' || (part.type === 'linear' && part.writes === 'stream'),
  );
  expect(writers).toHaveLength(1 + 2 * spec.numLayers);
  for (const part of writers) {
    const weight = parameters.get(`${part.name}.weight`);
    if (weight === undefined) throw new Error(part.name);
    const [rows = 0, columns = 0] = weight.shape;
    const isEmbedding = part.type === 'embedding';
    for (let i = 0; i < (isEmbedding ? rows : columns); i++) {
      const values = weight.data.filter((_, at) => (isEmbedding ? Math.floor(at / columns) : at % columns) === i);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(Math.abs(mean)).toBeLessThanOrEqual(ulp(Math.max(...values.map(Math.abs)), 'bfloat16'));
    }
  }
});

test('BLOOM keeps its class: a norm on the embeddings with one weight and no bias gives rows of mean 0', async () => {
  const out = await temporary('bloom-class');
  const result = await converted({ source: goldenFolder('bloom'), out, target: 'rmsnorm', certify: false });
  expect(result).toMatchObject({ untiedHead: true, recentresInput: false });
  const { config, ...checkpoint } = await openCheckpoint(out);
  expect(config).toMatchObject({ model_type: 'bloom', normlab: { norm: 'rmsnorm' } });
  expect(config).not.toHaveProperty('normlab.recentreInput');
  const name = 'transformer.word_embeddings_layernorm';
  const weight = await checkpoint.readFloat64(`${name}.weight`);
  expect(new Set(weight).size).toBe(1);
  expect(Math.log2(weight[0] ?? 0) % 1).toBe(0);
  expect(new Set(await checkpoint.readFloat64(`${name}.bias`))).toEqual(new Set([0]));
  await checkpoint.close();
  const crmsnorm = await temporary('bloom-table');
  await converted({ source: goldenFolder('bloom'), out: crmsnorm, target: 'crmsnorm', certify: false });
  const { spec } = await readDecoder(crmsnorm);
  expect(spec.embeddingNorm).toBeUndefined();
  expect(spec.recentreInput).toBeUndefined();
});

test('XGLM keeps its embeddings and its tied head, and says that their sum loses its mean', async () => {
  const out = await temporary('xglm-class');
  const result = await converted({ source: goldenFolder('xglm'), out, target: 'rmsnorm', certify: false });
  expect(result).toMatchObject({ untiedHead: false, recentresInput: true });
  const { config, ...checkpoint } = await openCheckpoint(out);
  expect(config).toMatchObject({ normlab: { norm: 'rmsnorm', recentreInput: true } });
  const before = await openSafetensors(join(goldenFolder('xglm'), 'model.safetensors'));
  const token = 'model.embed_tokens.weight';
  expect(await checkpoint.read(token)).toEqual(await before.read(token));
  await Promise.all([checkpoint.close(), before.close()]);
  const crmsnorm = await temporary('xglm-narrow');
  await converted({ source: goldenFolder('xglm'), out: crmsnorm, target: 'crmsnorm', certify: false });
  const { spec, parameters } = await readDecoder(crmsnorm);
  expect(spec).toMatchObject({ recentreInput: true, streamSize: spec.hiddenSize - 1 });
  expect(parameters.get('embedding.token.weight')?.shape[1]).toBe(spec.hiddenSize);
});
