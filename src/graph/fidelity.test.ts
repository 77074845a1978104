import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/random.ts';
import { normKind } from '../norms/index.ts';
import { numbersOf, runOnEngine } from './engine.fixture.ts';
import {
  add,
  constant,
  crossEntropy,
  evaluate,
  gelu,
  gradients,
  input,
  makeValue,
  matmul,
  norm,
  scale,
  sigmoid,
  silu,
  softmax,
  sum,
  type Tensor,
  type Value,
} from './index.ts';

// Where the engine's numbers part from the definition's by more than rounding, and how far. What holds here is what a
// difference between an engine run and a float64 run may be put down to.

const levels = ['disabled', 'all'] as const;
const inf = Number.POSITIVE_INFINITY;

async function compare(y: Tensor, feeds: Readonly<Record<string, Value>>, optimization: (typeof levels)[number]) {
  const [exact] = evaluate([y], feeds);
  const actual = numbersOf((await runOnEngine({ y }, feeds, { optimization })).y);
  return { exact: [...(exact?.data ?? [])], actual };
}

describe.each(levels)('at the optimization level %s', (level) => {
  it.each([
    ['some masked', [0.5, -inf, 1, -inf]],
    ['all but one masked', [-inf, 3, -inf, -inf]],
    ['all masked', [-inf, -inf, -inf, -inf]],
    ['+∞', [inf, 0, 1, 2]],
    ['NaN', [Number.NaN, 0, 1, 2]],
    ['as large as float32 gets', [3e38, -3e38, 0, 3e38]],
    ['a mask of finite numbers', [-1e30, -1e30, -1e30, -1e30]],
  ])('rows with %s mean the same in softmax and loss', async (_, row) => {
    // Padding with masked entries makes the row wider than a vector register.
    for (const width of [4, 40]) {
      const x = input('x', 'float', [1, width]);
      const data = Float64Array.from([...row, ...new Array<number>(width - 4).fill(-inf)], Math.fround);
      const feeds = { x: makeValue('float', [1, width], data) };
      const loss = crossEntropy(x, constant([1], [1], 'int'));
      for (const y of [softmax(x), loss, ...gradients(loss, [x])]) {
        const { exact, actual } = await compare(y, feeds, level);
        for (const [i, value] of actual.entries()) {
          const expected = Math.fround(exact[i] ?? 0);
          const close = Math.abs(value - expected) <= 4e-7 * Math.abs(expected);
          expect(close || Object.is(value, expected), `${value} for ${expected}`).toBe(true);
        }
      }
    }
  });

  it('masked attention keeps its zeros, and no fusion changes it', async () => {
    const random = createRandom('attention');
    const q = input('q', 'float', ['batch', 2, 3, 4]);
    const mask = constant([0, -inf, -inf, 0, 0, -inf, 0, 0, 0], [1, 1, 3, 3]);
    const data = Float64Array.from({ length: 48 }, () => Math.fround(3 * random.normal()));
    const scores = scale(matmul(q, q, { transposeB: true }), 0.5);
    const weights = softmax(add(scores, mask));
    const { exact, actual } = await compare(weights, { q: makeValue('float', [2, 2, 3, 4], data) }, level);
    for (const [i, value] of exact.entries()) {
      expect(Math.abs((actual[i] ?? Number.NaN) - value)).toBeLessThan(3e-6);
      if (value === 0) expect(actual[i]).toBe(0);
    }
  });

  // The engine's sigmoid, erf and 1 + tanh are accurate to about 2⁻²³ absolutely, not relative to what they are: silu and
  // gelu of large negative numbers keep few digits or become 0, as they do in PyTorch's float32 for gelu.
  it.each<[string, (x: Tensor) => Tensor, number]>([
    ['sigmoid', sigmoid, 1.2e-7],
    ['silu', silu, 3e-6],
    ['gelu erf', (x) => gelu(x, 'erf'), 6e-7],
    ['gelu tanh', (x) => gelu(x, 'tanh'), 6e-7],
    ['silu, slope', (x) => slopeOf(silu, x), 4e-6],
    ['gelu erf, slope', (x) => slopeOf((v) => gelu(v, 'erf'), x), 6e-7],
    ['gelu tanh, slope', (x) => slopeOf((v) => gelu(v, 'tanh'), x), 7e-6],
  ])('%s is off by less than its bound everywhere', async (_, f, bound) => {
    const grid = Float64Array.from({ length: 4001 }, (_, i) => Math.fround((i - 2000) / 100));
    const feeds = { x: makeValue('float', [grid.length], grid) };
    const { exact, actual } = await compare(f(input('x', 'float', [grid.length])), feeds, level);
    // Beyond 1 rounding of the result itself counts.
    const gaps = exact.map((value, i) => Math.abs(value - (actual[i] ?? Number.NaN)) / Math.max(1, Math.abs(value)));
    expect(Math.max(...gaps)).toBeLessThan(bound);
  });

  it.each([
    ['layernorm-nonparametric', 1e4, 1e-3],
    ['rmsnorm-nonparametric', 1e4, 4e-7],
  ] as const)('%s of rows with a mean of %f takes two passes', async (id, mean, bound) => {
    // The mean's own rounding costs mean/deviation ulps; a variance in one pass would cost the square of that, all digits.
    const random = createRandom(id);
    const data = Float64Array.from({ length: 4 * 64 }, () => Math.fround(mean + random.normal()));
    const y = norm(normKind(id), input('x', 'float', [4, 64]), []);
    const { exact, actual } = await compare(y, { x: makeValue('float', [4, 64], data) }, level);
    expect(Math.max(...exact.map((value, i) => Math.abs(value - (actual[i] ?? Number.NaN))))).toBeLessThan(bound);
  });
});

function slopeOf(f: (x: Tensor) => Tensor, x: Tensor): Tensor {
  return gradients(sum(f(x)), [x])[0] ?? x;
}
