import { describe, expect, it } from 'vitest';
import { type NormKind, normKinds } from './index.ts';
import { fromArray, interpreter, type Matrix } from './interpreter.fixture.ts';
import { distance, sample, sampleParameters } from './sample.fixture.ts';

/** How many results as large as `x` a lowering writes: its time on an engine grows with them. */
const largeResults: Readonly<Record<string, { readonly forward: number; readonly backward: number }>> = {
  layernorm: { forward: 1, backward: 8 },
  'layernorm-nobias': { forward: 1, backward: 8 },
  'layernorm-nonparametric': { forward: 1, backward: 6 },
  layernorm1p: { forward: 1, backward: 8 },
  rmsnorm: { forward: 1, backward: 7 },
  'rmsnorm-bias': { forward: 2, backward: 7 },
  rmsnorm1p: { forward: 2, backward: 7 },
  'rmsnorm-nonparametric': { forward: 1, backward: 5 },
  'rmsnorm-gemma': { forward: 1, backward: 7 },
  prmsnorm: { forward: 2, backward: 7 },
  crmsnorm: { forward: 2, backward: 6 },
  scalenorm: { forward: 1, backward: 5 },
  dyt: { forward: 4, backward: 7 },
  none: { forward: 0, backward: 0 },
};

const lower = (parameters: Readonly<Record<string, Float64Array>>): Record<string, Matrix> =>
  Object.fromEntries(Object.entries(parameters).map(([name, data]) => [name, fromArray(data, data.length)]));

const refused = (): never => {
  throw new Error('a fused operator was used');
};

function expectSameAsReference(kind: NormKind, x: Float64Array, width: number, epsilon: number, rtol: number): void {
  const context = { width, epsilon };
  const dy = sample(5, x.length);
  const parameters = sampleParameters(kind, width);
  const { b } = interpreter();
  const y = kind.lowerForward(b, fromArray(x, width), lower(parameters), context);
  expect(distance(y.data, kind.forward(x, parameters, context)), 'y').toBeLessThan(rtol);
  const plain = kind.lowerPlain({ ...b, fused: refused }, fromArray(x, width), lower(parameters), context);
  expect(distance(plain.data, kind.forward(x, parameters, context)), 'y without fused operators').toBeLessThan(rtol);
  const lowered = kind.lowerBackward(b, fromArray(x, width), fromArray(dy, width), lower(parameters), context);
  const reference = kind.backward(x, dy, parameters, context);
  expect(distance(lowered.dx.data, reference.dx), 'dx').toBeLessThan(rtol);
  expect(Object.keys(lowered.parameters).sort()).toEqual(Object.keys(reference.parameters).sort());
  for (const [name, expected] of Object.entries(reference.parameters)) {
    const actual = lowered.parameters[name]?.data ?? new Float64Array();
    expect(distance(actual, expected), name).toBeLessThan(rtol);
  }
}

describe.each(normKinds.map((kind) => [kind.id, kind] as const))('lowering of %s', (id, kind) => {
  it.each([
    [3, 3],
    [5, 7],
    [4, 33],
  ])('computes what the reference computes on [%i, %i]', (rows, width) => {
    expectSameAsReference(kind, sample(2, rows * width), width, kind.defaultEpsilon, 1e-12);
    expectSameAsReference(kind, sample(2, rows * width), width, 0.3, 1e-12);
  });

  it('computes what the reference computes where epsilon rules', () => {
    const x = sample(2, 4 * 9).map((value) => value * 1e-6);
    expectSameAsReference(kind, x, 9, kind.defaultEpsilon, 1e-12);
  });

  it('stays finite in float32 on zeros, constants, tiny and huge rows', () => {
    const width = 19;
    const { b } = interpreter(Math.fround);
    const parameters = lower(sampleParameters(kind, width));
    const context = { width, epsilon: kind.defaultEpsilon };
    for (const factor of [0, 1e-30, 1e-12, 1e12]) {
      for (const row of [sample(1, width), new Float64Array(width).fill(1)]) {
        const x = fromArray(
          row.map((value) => Math.fround(value * factor)),
          width,
        );
        const y = kind.lowerForward(b, x, parameters, context);
        const { dx, parameters: gradients } = kind.lowerBackward(
          b,
          x,
          fromArray(sample(4, width), width),
          parameters,
          context,
        );
        const plain = kind.lowerPlain(b, x, parameters, context);
        const results = [y, plain, dx, ...Object.values(gradients)];
        expect(
          results.every(({ data }) => data.every(Number.isFinite)),
          `factor ${factor}`,
        ).toBe(true);
      }
    }
  });

  it('writes no more large results than it needs', () => {
    const [rows, width] = [8, 64];
    const run = interpreter();
    const x = fromArray(sample(1, rows * width), width);
    const context = { width, epsilon: kind.defaultEpsilon };
    run.countFrom(rows * width);
    kind.lowerForward(run.b, x, lower(sampleParameters(kind, width)), context);
    const forward = run.largeResults();
    run.countFrom(rows * width);
    kind.lowerBackward(
      run.b,
      x,
      fromArray(sample(4, rows * width), width),
      lower(sampleParameters(kind, width)),
      context,
    );
    expect({ forward, backward: run.largeResults() }).toEqual(largeResults[id]);
  });
});
