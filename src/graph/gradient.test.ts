import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/random.ts';
import { evaluate, exp, gather, gradients, type Tensor, type Value } from './index.ts';
import { opCases, type Sample, titleOf } from './ops/cases.fixture.ts';
import { normals, shapeOf } from './ops/draw.fixture.ts';
import {
  add,
  allOps,
  broadcastTo,
  cast,
  gelu,
  lessOrEqual,
  mul,
  positions,
  scale,
  split,
  sqrt,
  sub,
  sum,
  where,
} from './ops/index.ts';
import { apply, constant, input, makeValue, type Op, parameter } from './tensor.ts';

const draws = 12;

describe('gradient rules against finite differences', () => {
  const differentiable = opCases.filter(({ op }) => 'gradient' in allOps[op]);

  it.each(differentiable.map((opCase) => [titleOf(opCase), opCase] as const))('%s', (title, opCase) => {
    const random = createRandom('gradient').split(title);
    for (let draw = 0; draw < draws; draw++) {
      const sample = opCase.draw(random);
      const inputs = sample.inputs.map(({ value }, i) => input(`x${i}`, value.dtype, value.shape));
      const outputs = sample.apply(inputs, shapeOf);
      const weighted = outputs.map((y) => {
        const weights = normals(random, y.shape);
        return sum(mul(y, constant(weights.data, weights.shape)));
      });
      // All outputs together, and then each one alone: the others have no gradient.
      const losses = weighted.length === 1 ? weighted : [weighted.reduce((a, b) => add(a, b)), ...weighted];
      for (const loss of losses) expectGradients(sample, inputs, loss);
    }
  });
});

function expectGradients(sample: Sample, inputs: readonly Tensor[], loss: Tensor): void {
  const feeds = Object.fromEntries(sample.inputs.map(({ value }, i) => [`x${i}`, value]));
  const wanted = inputs.flatMap((x, i) => (x.dtype === 'float' ? [{ x, name: `x${i}` }] : []));
  const results = evaluate(
    gradients(
      loss,
      wanted.map(({ x }) => x),
    ),
    feeds,
  );
  for (const [i, { name }] of wanted.entries()) {
    const numeric = numericGradient(loss, feeds, name);
    const actual = results[i];
    expect(actual?.shape, name).toEqual(feeds[name]?.shape);
    // The differences' own error is about step⁴ and 2⁻⁵³/step, both 1e-12, times derivatives and values of the order 1 to 100.
    const tolerance = 1e-9 * Math.max(1, ...numeric.map(Math.abs));
    expect(largestGap(actual?.data, numeric), `d${name} ${shapesOf(sample)}`).toBeLessThan(tolerance);
  }
}

/** Central differences of fourth order. */
function numericGradient(loss: Tensor, feeds: Readonly<Record<string, Value>>, name: string): Float64Array {
  const step = 1e-3;
  const value = feeds[name] ?? makeValue('float', [0], []);
  const lossAt = (i: number, move: number): number => {
    const moved = { ...value, data: value.data.with(i, (value.data[i] ?? 0) + move) };
    return evaluate([loss], { ...feeds, [name]: moved })[0]?.data[0] ?? Number.NaN;
  };
  return value.data.map(
    (_, i) => (8 * (lossAt(i, step) - lossAt(i, -step)) - (lossAt(i, 2 * step) - lossAt(i, -2 * step))) / (12 * step),
  );
}

function largestGap(actual: Float64Array | undefined, expected: Float64Array): number {
  if (actual?.length !== expected.length) return Number.POSITIVE_INFINITY;
  return actual.reduce((max, value, i) => {
    const gap = Math.abs(value - (expected[i] ?? Number.NaN));
    return gap > max || Number.isNaN(gap) ? gap : max;
  }, 0);
}

function shapesOf(sample: Sample): string {
  return sample.inputs.map(({ value }) => `[${value.shape.join(', ')}]`).join(' ');
}

/** Gradients of a loss of x, at x = `data`. */
function gradientsAt(data: readonly number[], build: (x: Tensor) => Tensor): readonly number[] {
  const x = parameter('x', [data.length]);
  const [dx] = evaluate(gradients(build(x), [x]), { x: makeValue('float', [data.length], data) });
  return [...(dx?.data ?? [])];
}

describe('gradients', () => {
  it('adds up what reaches a tensor on several ways', () => {
    // Σ(x² + x³ + 2x): 2x + 3x² + 2.
    const cubic = (x: Tensor) => {
      const square = mul(x, x);
      return sum(add(add(square, mul(square, x)), add(x, x)));
    };
    expect(gradientsAt([1, -2, 0.5], cubic)).toEqual([7, 10, 3.75]);
  });

  it('uses one subexpression once, however many ways lead through it', () => {
    // 2⁶⁰ ways lead from x to the loss.
    let doubled: Tensor = parameter('x', [1]);
    const x = doubled;
    for (let i = 0; i < 60; i++) doubled = add(doubled, doubled);
    const [dx] = evaluate(gradients(doubled, [x]), { x: makeValue('float', [1], [1]) });
    expect(dx?.data[0]).toBe(2 ** 60);
  });

  it('gives 1 for the loss itself, and the gradient of tensors in the middle', () => {
    const x = parameter('x', [2]);
    const y = mul(x, x);
    const loss = sum(scale(y, 3));
    const feeds = { x: makeValue('float', [2], [5, -1]) };
    const results = evaluate(gradients(loss, [loss, y, x]), feeds);
    expect(results.map(({ shape, data }) => [shape, [...data]])).toEqual([
      [[1], [1]],
      [[2], [3, 3]],
      [[2], [30, -6]],
    ]);
  });

  it('gives zeros for what the loss does not depend on, also of a symbolic shape', () => {
    const x = input('x', 'float', ['batch', 2]);
    const other = parameter('other', [2, 3]);
    const [dother, dx] = gradients(sum(mul(other, other)), [parameter('third', [4]), x]);
    expect(dother?.shape).toEqual([4]);
    const values = evaluate([dother, dx].filter((t) => t !== undefined).concat(x), {
      x: makeValue('float', [3, 2], [1, 2, 3, 4, 5, 6]),
    });
    expect(values[0]?.data).toEqual(new Float64Array(4));
    expect(values[1]).toMatchObject({ shape: [3, 2], data: new Float64Array(6) });
  });

  it('refuses a loss that is no scalar', () => {
    const x = parameter('x', [2, 3]);
    expect(() => gradients(x, [x])).toThrow('graph/gradients: the loss has the shape [2, 3], expected a scalar');
    expect(() => gradients(input('n', 'int', []), [x])).toThrow('graph/gradients');
    expect(() => gradients(input('s', 'float', ['seq']), [x])).toThrow('[seq]');
  });

  it('takes any rank of scalar', () => {
    for (const shape of [[], [1], [1, 1]]) {
      const x = parameter('x', shape);
      const [dx] = evaluate(gradients(mul(x, x), [x]), { x: makeValue('float', shape, [3]) });
      expect(dx).toEqual({ dtype: 'float', shape, data: Float64Array.of(6) });
    }
  });

  it('walks a chain of 5,000 ops', () => {
    const chain = (x: Tensor) => {
      let y = x;
      for (let i = 0; i < 5000; i++) y = i % 2 === 0 ? add(y, constant(0.5)) : sub(y, constant(0.5));
      return sum(y);
    };
    expect(gradientsAt([1, 2], chain)).toEqual([1, 1]);
  });

  it('of a table whose length is a symbol is refused', () => {
    const table = parameter('table', ['rows', 2]);
    const loss = sum(gather(table, constant([0, 1], [2], 'int')));
    expect(() => gradients(loss, [table])).toThrow('the gradient of float [rows, 2] needs a known number of rows');
  });

  it('throws at an op without a gradient rule, and names it', () => {
    const x = parameter('x', [3]);
    const [slope] = gradients(sum(gelu(x, 'erf')), [x]);
    expect(slope && (() => gradients(sum(slope), [x]))).toThrow(
      'graph/gradients: the op geluGradient has no gradient rule',
    );
    // Not on the way to what is asked for: fine.
    const other = parameter('other', [3]);
    expect(slope && gradients(sum(mul(slope, other)), [other])).toHaveLength(1);
  });

  it('passes by integers and booleans', () => {
    const x = input('x', 'float', ['seq']);
    const place = cast(positions(x, 0), 'float');
    const [dx] = gradients(sum(mul(place, x)), [x]);
    const [rounded] = gradients(sum(cast(cast(x, 'int'), 'float')), [x]);
    const [chosen] = gradients(sum(where(lessOrEqual(x, constant(0)), x, mul(x, x))), [x]);
    const feeds = { x: makeValue('float', [3], [-1, 2, 3]) };
    const values = evaluate(
      [dx, rounded, chosen].filter((t) => t !== undefined),
      feeds,
    );
    expect(values.map(({ data }) => [...data])).toEqual([
      [0, 1, 2],
      [0, 0, 0],
      [1, 4, 6],
    ]);
  });

  it('takes an op at its word only where shapes are concerned', () => {
    const wrong: Op<null> = {
      name: 'wrong',
      infer: ([x]) => [x ?? { dtype: 'float', shape: [] }],
      evaluate: (inputs) => inputs,
      gradient: () => [constant(0)],
      emit: (_context, inputs) => inputs,
    };
    const x = parameter('x', [2]);
    expect(() => gradients(sum(apply(wrong, [x], null)[0] ?? x), [x])).toThrow(
      'graph/gradients: wrong gives a gradient [] for [2]',
    );
  });

  it('sums over axes of length 1 that a broadcast repeated, and drops those that it added', () => {
    const x = parameter('x', [3, 1]);
    const [dx] = gradients(sum(broadcastTo(x, [2, 3, 4])), [x]);
    const [value] = dx ? evaluate([dx], {}) : [];
    expect(value).toEqual({ dtype: 'float', shape: [3, 1], data: Float64Array.of(8, 8, 8) });
  });

  it('needs no gradient of a piece that nobody reads', () => {
    const x = parameter('x', [3]);
    const [, last] = split(x, 0, [1, 2]);
    const [dx] = last ? gradients(sum(exp(last)), [x]) : [];
    const [value] = dx ? evaluate([dx], { x: makeValue('float', [3], [0, 0, 0]) }) : [];
    expect([...(value?.data ?? [])]).toEqual([0, 1, 1]);
  });

  it('sends the gradient of a tie to one side', () => {
    const half = (pick: keyof Pick<typeof allOps, 'minimum' | 'maximum'>) => (x: Tensor) =>
      sum(apply(allOps[pick], [x, constant([1, 1, 1])], null)[0] ?? x);
    expect(gradientsAt([0, 1, 2], half('minimum'))).toEqual([1, 1, 0]);
    expect(gradientsAt([0, 1, 2], half('maximum'))).toEqual([0, 1, 1]);
    expect(gradientsAt([4, 9], (x) => sum(sqrt(x)))).toEqual([0.25, 1 / 6]);
  });
});
