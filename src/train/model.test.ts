import { expect, test } from 'vitest';
import { createRandom } from '../core/random.ts';
import { standardDeviation } from '../core/statistics/index.ts';
import { decoderParameters } from '../models/index.ts';
import { normKinds } from '../norms/index.ts';
import { defaultConfig } from './config.ts';
import { decays, initialParameter, trainSpec } from './model.ts';

function initial(norm: string, seed = 1) {
  const spec = trainSpec({ ...defaultConfig.model, hiddenSize: 32, context: 16, norm });
  const random = createRandom(seed);
  return new Map(
    decoderParameters(spec).map((declaration) => [
      declaration.name,
      { declaration, values: initialParameter(spec, declaration, random) },
    ]),
  );
}

function equal(a: Float32Array, b: Float32Array | undefined): boolean {
  return a.length === b?.length && a.every((value, i) => value === b[i]);
}

test.each(normKinds.map(({ id }) => id).filter((id) => id !== 'crmsnorm'))(
  'a model with %s starts with the same linears and embeddings as one with LayerNorm',
  (norm) => {
    const reference = initial('layernorm');
    for (const [name, { declaration, values }] of initial(norm)) {
      if (declaration.part.type !== 'norm') expect(equal(values, reference.get(name)?.values), name).toBe(true);
    }
  },
);

test('another seed starts elsewhere', () => {
  const name = 'blocks.0.mlp.up.weight';
  expect(initial('layernorm', 2).get(name)?.values).not.toEqual(initial('layernorm', 1).get(name)?.values);
});

test('matrices spread by 0.02, and by 1/√(2·layers) of that where they write to the stream', () => {
  const model = initial('layernorm');
  const spread = (name: string) => standardDeviation(model.get(name)?.values ?? []);
  for (const name of [
    'embedding.token.weight',
    'blocks.1.attention.qkv.weight',
    'blocks.3.mlp.up.weight',
    'head.weight',
  ]) {
    expect(spread(name) / 0.02, name).toBeCloseTo(1, 1);
  }
  for (const name of ['blocks.0.attention.output.weight', 'blocks.2.mlp.down.weight']) {
    expect((spread(name) * Math.sqrt(8)) / 0.02, name).toBeCloseTo(1, 1);
  }
});

test('norms start as the catalogue says, biases at zero', () => {
  const model = initial('layernorm');
  expect(new Set(model.get('final_norm.weight')?.values)).toEqual(new Set([1]));
  for (const [name, { values }] of model)
    if (name.endsWith('.bias')) expect(new Set(values), name).toEqual(new Set([0]));
  expect(new Set(initial('rmsnorm-gemma').get('final_norm.weight')?.values)).toEqual(new Set([0]));
  expect(new Set(initial('dyt').get('final_norm.alpha')?.values).size).toBe(1);
});

test('weight decay is for matrices, not for biases and the weights of LayerNorm', () => {
  const decayed = [...initial('layernorm').values()].filter(({ declaration }) => decays(declaration));
  expect(decayed.every(({ declaration }) => declaration.shape.length === 2)).toBe(true);
  expect(decayed).toHaveLength(2 + 4 * 4 + 1);
});
