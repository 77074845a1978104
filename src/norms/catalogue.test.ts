import { describe, expect, it } from 'vitest';
import { InputError } from '../core/errors.ts';
import { initialValue, normKind, normKinds } from './index.ts';
import { distance, sample, sampleParameters } from './sample.fixture.ts';

const width = 12;
const x = sample(6, 3 * width);
const context = { width, epsilon: 1e-5 };

describe('the catalogue', () => {
  it('has every id once, and normKind finds it', () => {
    const ids = normKinds.map((kind) => kind.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const kind of normKinds) expect(normKind(kind.id)).toBe(kind);
  });

  it.each([
    ['rmsnrm', 'rmsnorm'],
    ['LayerNorm', 'layernorm'],
    ['crms-norm', 'crmsnorm'],
  ])('names the nearest id for %s, and all of them', (wrong, nearest) => {
    expect(() => normKind(wrong)).toThrow(InputError);
    expect(() => normKind(wrong)).toThrow(`Did you mean ${nearest}?`);
    expect(() => normKind(wrong)).toThrow(normKinds.map((kind) => kind.id).join(', '));
  });

  it.each(['', 'toString', '__proto__'])('refuses "%s"', (wrong) => {
    expect(() => normKind(wrong)).toThrow(InputError);
  });

  it('starts every gain that multiplies at 1', () => {
    for (const kind of normKinds) {
      const weight = kind.parameters.find(({ name, shape }) => name === 'weight' && shape === 'vector');
      if (weight) expect(initialValue(weight, width) + kind.weightOffset, kind.id).toBe(1);
    }
  });
});

describe('relations between norms', () => {
  const weight = sample(8, width);
  const bias = sample(9, width);
  const shifted = weight.map((value) => value + 1);
  const run = (id: string, parameters: Record<string, Float64Array>, input = x, eps = context) =>
    normKind(id).forward(input, parameters, eps);

  it('layernorm1p, rmsnorm1p and rmsnorm-gemma store the weight less 1', () => {
    expect(run('rmsnorm1p', { weight, bias })).toEqual(run('rmsnorm-bias', { weight: shifted, bias }));
    expect(run('layernorm1p', { weight, bias })).toEqual(run('layernorm', { weight: shifted, bias }));
    expect(run('rmsnorm-gemma', { weight })).toEqual(run('rmsnorm', { weight: shifted }));
  });

  it('LayerNorm of a zero-mean row is RMSNorm, and CRMSNorm without the last entry is its first entries', () => {
    const centred = Float64Array.from({ length: x.length }, (_, i) => {
      const start = i - (i % width);
      const row = x.subarray(start, start + width);
      return (x[i] ?? Number.NaN) - row.reduce((a, b) => a + b, 0) / width;
    });
    const layer = run('layernorm', { weight, bias }, centred);
    expect(distance(run('rmsnorm-bias', { weight, bias }, centred), layer)).toBeLessThan(1e-14);
    const dropLast = (values: Float64Array) => values.filter((_, i) => i % width !== width - 1);
    const compressed = run('crmsnorm', {}, dropLast(centred), { width: width - 1, epsilon: context.epsilon });
    expect(distance(compressed, dropLast(run('rmsnorm-nonparametric', {}, centred)))).toBeLessThan(1e-14);
  });

  it('ScaleNorm with the gain it starts with is RMSNorm with epsilon²/width', () => {
    const gain = Float64Array.of(Math.sqrt(width));
    const rms = run('rmsnorm-nonparametric', {}, x, { width, epsilon: 0.1 ** 2 / width });
    expect(distance(run('scalenorm', { weight: gain }, x, { width, epsilon: 0.1 }), rms)).toBeLessThan(1e-14);
  });

  it('ScaleNorm puts a row on a sphere of radius g', () => {
    const y = run('scalenorm', { weight: Float64Array.of(2) }, Float64Array.of(3, -4), { width: 2, epsilon: 0 });
    expect(distance(y, Float64Array.of(1.2, -1.6))).toBeLessThan(1e-15);
  });

  it('pRMSNorm reads the first 6.25%, rounded up, and adds epsilon outside the root', () => {
    const row = Float64Array.from({ length: 17 }, (_, i) => [3, -4][i] ?? 100 + i);
    const ones = new Float64Array(17).fill(1);
    const y = run('prmsnorm', { weight: ones }, row, { width: 17, epsilon: 0.5 });
    expect(
      distance(
        y,
        row.map((value) => value / (Math.sqrt(12.5) + 0.5)),
      ),
    ).toBeLessThan(1e-15);
    const sixteen = run('prmsnorm', { weight: ones.slice(1) }, row.slice(1), { width: 16, epsilon: 0 });
    expect(
      distance(
        sixteen,
        row.slice(1).map((value) => value / 4),
      ),
    ).toBeLessThan(1e-15);
  });

  it('DyT is weight · tanh(alpha · x) + bias', () => {
    const y = run(
      'dyt',
      { weight: Float64Array.of(2, 3), bias: Float64Array.of(1, -1), alpha: Float64Array.of(0.5) },
      Float64Array.of(2 * Math.atanh(0.25), 2 * Math.atanh(-0.5)),
      { width: 2, epsilon: 0 },
    );
    expect(distance(y, Float64Array.of(1.5, -2.5))).toBeLessThan(1e-15);
  });
});

describe.each(normKinds.map((kind) => [kind.id, kind] as const))('%s refuses', (_, kind) => {
  const parameters = sampleParameters(kind, width);
  it.each([
    ['a length that is no multiple of the width', () => kind.forward(x.subarray(1), parameters, context)],
    ['a dy of another length', () => kind.backward(x, x.subarray(width), parameters, context)],
    ['a width of 0', () => kind.forward(x, parameters, { width: 0, epsilon: 0 })],
    ['a fractional width', () => kind.forward(x, parameters, { width: 1.5, epsilon: 0 })],
    ['a negative epsilon', () => kind.forward(x, parameters, { width, epsilon: -1e-5 })],
    ['an epsilon that is no number', () => kind.forward(x, parameters, { width, epsilon: Number.NaN })],
    ['a parameter it lacks', () => kind.forward(x, { ...parameters, beta: x }, context)],
  ])('%s', (_what, call) => {
    expect(call).toThrow(InputError);
    expect(call).toThrow(`norms/${kind.id}: `);
  });

  it.each(kind.parameters.map(({ name }) => name))('a %s that is missing or of another length', (name) => {
    const { [name]: _given, ...rest } = parameters;
    expect(() => kind.forward(x, rest, context)).toThrow(`${name} has 0 entries`);
    expect(() => kind.backward(x, x, { ...parameters, [name]: new Float64Array(width - 1) }, context)).toThrow(
      `${name} has ${width - 1} entries`,
    );
  });

  it('nothing about an empty x', () => {
    expect(kind.forward(new Float64Array(0), parameters, context)).toHaveLength(0);
  });
});

describe('cost', () => {
  it.each(normKinds.map((kind) => [kind.id, kind] as const))(
    'of %s moves x, y forward and x, dy, dx backward',
    (id, kind) => {
      const [forwardTensors, backwardTensors] = id === 'none' ? [0, 0] : [2, 3];
      for (const size of [2, 4]) {
        const { forward, backward } = kind.cost(768, size);
        expect([forward.bytesPerElement, backward.bytesPerElement]).toEqual([
          forwardTensors * size,
          backwardTensors * size,
        ]);
      }
      expect(kind.cost(768)).toEqual(kind.cost(768, 4));
    },
  );

  it('counts the operations of LayerNorm and RMSNorm', () => {
    expect(normKind('layernorm').cost(1000).forward.flopsPerElement).toBeCloseTo(7.005, 12);
    expect(normKind('rmsnorm').cost(1000).forward.flopsPerElement).toBeCloseTo(4.004, 12);
    expect(normKind('layernorm').cost(1000).backward.flopsPerElement).toBeCloseTo(13.002, 12);
    expect(normKind('rmsnorm').cost(1000).backward.flopsPerElement).toBeCloseTo(9.001, 12);
    expect(normKind('prmsnorm').cost(1600).forward.flopsPerElement).toBeCloseTo(2.125 + 4 / 1600, 12);
  });
});
