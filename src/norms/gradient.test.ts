import { describe, expect, it } from 'vitest';
import { normKinds } from './index.ts';
import { distance, sample, sampleParameters } from './sample.fixture.ts';

/** Central differences of `loss` in every entry of `at`. Their error is of the order step² + 2⁻⁵³/step, about 1e-10. */
function numericGradient(at: Float64Array, loss: (values: Float64Array) => number): Float64Array {
  const step = 5e-6;
  return at.map((value, i) => (loss(at.with(i, value + step)) - loss(at.with(i, value - step))) / (2 * step));
}

describe.each(normKinds.map((kind) => [kind.id, kind] as const))('backward of %s', (_, kind) => {
  it.each([
    [1, 1],
    [3, 2],
    [2, 5],
    [4, 33],
  ])('equals finite differences on [%i, %i]', (rows, width) => {
    const context = { width, epsilon: 0.5 };
    const x = sample(3, rows * width);
    const dy = sample(7, rows * width);
    const parameters = sampleParameters(kind, width);
    const lossOf = (input: Float64Array, given: Readonly<Record<string, Float64Array>>) =>
      kind.forward(input, given, context).reduce((total, y, i) => total + y * (dy[i] ?? Number.NaN), 0);

    const gradient = kind.backward(x, dy, parameters, context);
    const numeric = numericGradient(x, (values) => lossOf(values, parameters));
    // One entry centred is 0 whatever x is, so that only an absolute measure makes sense.
    if (numeric.every((value) => value === 0)) expect(gradient.dx.every((value) => value === 0)).toBe(true);
    else expect(distance(gradient.dx, numeric)).toBeLessThan(1e-7);
    expect(Object.keys(gradient.parameters).sort()).toEqual(kind.parameters.map(({ name }) => name).sort());
    for (const { name } of kind.parameters) {
      const at = parameters[name] ?? new Float64Array();
      const expected = numericGradient(at, (values) => lossOf(x, { ...parameters, [name]: values }));
      const actual = gradient.parameters[name] ?? new Float64Array();
      if (expected.every((value) => value === 0)) expect(actual.every((value) => value === 0)).toBe(true);
      else expect(distance(actual, expected), name).toBeLessThan(1e-7);
    }
  });
});
