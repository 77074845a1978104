import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/random.ts';
import { formatShape, type Shape } from '../core/shape.ts';
import { type FloatType, numbersOf, runOnEngine, tolerances } from './engine.fixture.ts';
import { evaluate, gradients, type Tensor, type Value } from './index.ts';
import { type OpCase, opCases, type Sample, titleOf } from './ops/cases.fixture.ts';
import { normals, shapeOf } from './ops/draw.fixture.ts';
import { add, allOps, mul, sum } from './ops/index.ts';
import { at, input } from './tensor.ts';

const draws = 4;

/** Ops that need Gelu, Erf or OneHot, of which ONNX Runtime has no float64 kernels, or a norm's row statistics. */
const float32Only = ({ op, title = '' }: OpCase): boolean =>
  ((op === 'gelu' || op === 'geluGradient') && title === 'erf') ||
  (op === 'scatterRows' && title !== '1025 rows') ||
  (op === 'normGradient' && !statisticsFree.includes(title));
const statisticsFree = ['prmsnorm', 'dyt'];

/** Ops that have float64 kernels, but gradients that have none. */
const float32Gradient = ({ op, title = '' }: OpCase): boolean =>
  op === 'gather' || (op === 'norm' && !statisticsFree.includes(title));

const named = opCases.map((opCase) => [titleOf(opCase), opCase] as const);

describe('ops and their gradients on the engine', () => {
  it.each(named)('%s', async (title, opCase) => {
    const random = createRandom('engine').split(title);
    for (let draw = 0; draw < draws; draw++) {
      const sample = opCase.draw(random);
      for (const resolve of [shapeOf, (shape: Shape) => shape]) {
        await expectSame(opCase, sample, resolve, 'float32');
      }
    }
  });

  it.each(named.filter(([, opCase]) => !float32Only(opCase)))('%s in float64', async (title, opCase) => {
    const random = createRandom('engine float64').split(title);
    const sample = opCase.draw(random);
    await expectSame(opCase, sample, (shape) => shape, 'float64');
  });

  it.each(named.filter(([, opCase]) => float32Only(opCase)))('%s has no float64 form', async (title, opCase) => {
    const sample = opCase.draw(createRandom('engine float64').split(title));
    const computed = expectSame(opCase, sample, shapeOf, 'float64');
    await expect(computed).rejects.toThrow(/Could not find an implementation|statistics in float32 only/);
  });
});

async function expectSame(
  opCase: OpCase,
  sample: Sample,
  resolve: (shape: Shape) => Shape,
  floatType: FloatType,
): Promise<void> {
  const { op, exact = false } = opCase;
  const random = createRandom('weights');
  const feeds = new Map<string, Value>();
  const inputs = sample.inputs.map(({ shape, value }, i) => {
    feeds.set(`x${i}`, value);
    return input(`x${i}`, value.dtype, resolve(shape));
  });
  const results = sample.apply(inputs, resolve);
  const outputs: Record<string, Tensor> = Object.fromEntries(results.map((y, i) => [`y${i}`, y]));
  // An input that nothing reads may still say how long an axis is.
  for (const [i, x] of inputs.entries()) outputs[`given${i}`] = x;

  if ('gradient' in allOps[op] && !(floatType === 'float64' && float32Gradient(opCase))) {
    const parts = results.map((y, i) => {
      feeds.set(`w${i}`, normals(random, y.shape));
      return sum(mul(y, input(`w${i}`, 'float', y.shape)));
    });
    const floats = inputs.filter((x) => x.dtype === 'float');
    const loss = parts.reduce((a, b) => add(a, b));
    for (const [i, dx] of gradients(loss, floats).entries()) outputs[`d${i}`] = dx;
  }

  const names = Object.keys(outputs);
  const tensors = Object.values(outputs);
  const expected = evaluate(tensors, Object.fromEntries(feeds));
  const allowed = tolerances(tensors, feeds, expected, floatType, random);
  const actual = await runOnEngine(outputs, Object.fromEntries(feeds), { floatType });
  for (const [i, name] of names.entries()) {
    const where = `${name} of ${inputs.map(({ shape }) => formatShape(shape)).join(' ')}`;
    const { shape, data, dtype } = at(expected, i, name);
    expect(actual[name]?.shape, where).toEqual(shape);
    const numbers = numbersOf(actual[name]);
    if (dtype !== 'float' || (exact && name.startsWith('y'))) {
      const nearest = floatType === 'float32' ? data.map(Math.fround) : data;
      expect(numbers.map(positiveZero), where).toEqual([...nearest].map(positiveZero));
    } else {
      const tolerance = at(allowed, i, name);
      const shares = numbers.map((value, j) => Math.abs(value - (data[j] ?? Number.NaN)) / (tolerance[j] ?? 0));
      expect(Math.max(0, ...shares), where).toBeLessThanOrEqual(1);
    }
  }
}

const positiveZero = (value: number): number => value + 0;
