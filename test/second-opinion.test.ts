import { grad, init, numpy as np } from '@jax-js/jax';
import { beforeAll, describe, expect, test } from 'vitest';
import { normKind } from '../src/norms/index.ts';
import { distance, sample, sampleParameters } from '../src/norms/sample.fixture.ts';

type Arrays = Readonly<Record<string, np.Array>>;

/** `[rows, width]`; a vector is `[width]`. */
type Formula = (
  x: np.Array,
  parameters: Arrays,
  context: { readonly width: number; readonly epsilon: number },
) => np.Array;

const mean = (x: np.Array) => np.mean(x, -1, { keepdims: true });
const sum = (x: np.Array) => np.sum(x, -1, { keepdims: true });
const square = (x: np.Array) => x.ref.mul(x);
const get = (parameters: Arrays, name: string): np.Array => {
  const found = parameters[name];
  if (found === undefined) throw new Error(`no parameter ${name}`);
  return found.ref;
};

/** The norms as their papers write them. What differentiates them is another implementation. */
const formulas: Readonly<Record<string, Formula>> = {
  layernorm: (x, p, { epsilon }) => {
    const centred = x.ref.sub(mean(x));
    const deviation = np.sqrt(mean(square(centred.ref)).add(epsilon));
    return centred.div(deviation).mul(get(p, 'weight')).add(get(p, 'bias'));
  },
  rmsnorm: (x, p, { epsilon }) => x.ref.div(np.sqrt(mean(square(x)).add(epsilon))).mul(get(p, 'weight')),
  prmsnorm: (x, p, { width, epsilon }) => {
    const count = Math.ceil(0.0625 * width);
    const head = x.ref.slice([], [0, count]);
    return x.div(np.sqrt(mean(square(head))).add(epsilon)).mul(get(p, 'weight'));
  },
  crmsnorm: (x, _, { width, epsilon }) => {
    const total = square(sum(x.ref));
    const squares = sum(square(x.ref))
      .add(total)
      .mul(1 / (width + 1));
    return x.div(np.sqrt(squares.add(epsilon)));
  },
  scalenorm: (x, p, { epsilon }) => x.ref.div(np.sqrt(sum(square(x)).add(epsilon * epsilon))).mul(get(p, 'weight')),
  dyt: (x, p) =>
    np
      .tanh(x.mul(get(p, 'alpha')))
      .mul(get(p, 'weight'))
      .add(get(p, 'bias')),
};

beforeAll(async () => {
  await init('cpu', 'wasm');
});

describe.each(Object.keys(formulas))('%s and its gradients', (id) => {
  test.each([
    [1, 5],
    [4, 33],
  ])('agree with what jax-js makes of the formula, on [%i, %i]', async (rows, width) => {
    const kind = normKind(id);
    const formula = formulas[id];
    if (formula === undefined) throw new Error(`no formula for ${id}`);
    const context = { width, epsilon: 0.01 };
    const x = sample(3, rows * width);
    const dy = sample(7, rows * width);
    const parameters = sampleParameters(kind, width);
    const array = (values: Float64Array, shape: number[]) => np.array(Float32Array.from(values), { shape });
    const given: Record<string, np.Array> = { x: array(x, [rows, width]) };
    for (const [name, values] of Object.entries(parameters)) given[name] = array(values, [values.length]);
    const loss = ({ x: input, ...rest }: Record<string, np.Array>): np.Array => {
      if (input === undefined) throw new Error('no input');
      return np.sum(formula(input, rest, context).mul(array(dy, [rows, width])));
    };
    const expected = grad(loss)(given);
    const { dx, parameters: gradients } = kind.backward(x, dy, parameters, context);
    for (const [name, actual] of Object.entries({ x: dx, ...gradients })) {
      const values = Float64Array.from((await expected[name]?.data()) ?? []);
      // jax-js computes in float32: about a hundred roundings of 6e-8 where a gradient cancels.
      expect(distance(actual, values), name).toBeLessThan(1e-5);
    }
  });
});
