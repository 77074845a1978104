import { describe, expect, it } from 'vitest';
import { sizeOf } from '../core/shape.ts';
import { cpuEngine } from '../engine/index.ts';
import { normKind } from '../norms/index.ts';
import { numbersOf, runOnEngine } from './engine.fixture.ts';
import {
  add,
  broadcastTo,
  cast,
  concat,
  constant,
  emitOnnx,
  encodeModel,
  evaluate,
  gelu,
  gradients,
  input,
  lessOrEqual,
  makeValue,
  matmul,
  mul,
  norm,
  type OnnxInitializer,
  type OnnxNode,
  parameter,
  positions,
  reshape,
  slice,
  softmax,
  sum,
  type Tensor,
  transpose,
  where,
} from './index.ts';

const x = input('x', 'float', ['batch', 3]);
const feeds = { x: makeValue('float', [2, 3], [1, 2, 3, 4, 5, 6]) };

function typesOf(nodes: readonly OnnxNode[]): readonly string[] {
  return nodes.map((node) => node.opType);
}

function float32(name: string, shape: readonly number[], values: readonly number[]): OnnxInitializer {
  return { name, dtype: 'float32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

describe('names', () => {
  it('are what the caller gave to inputs, parameters and outputs', () => {
    const { graph } = emitOnnx({ y: add(x, parameter('weight', [3])) });
    expect(graph.inputs).toEqual([
      { name: 'x', dtype: 'float32', shape: ['batch', 3] },
      { name: 'weight', dtype: 'float32', shape: [3] },
    ]);
    expect(graph.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: ['batch', 3] }]);
  });

  it('may look like those that the writer makes up', async () => {
    const clashes = ['constant_0', 'add_0', 'add_1', 'mul_2'].map((name) => input(name, 'float', []));
    const total = clashes.reduce((a, b) => add(mul(a, constant(2)), b));
    const given = Object.fromEntries(
      ['constant_0', 'add_0', 'add_1', 'mul_2'].map((name, i) => [name, makeValue('float', [], [i])]),
    );
    const results = await runOnEngine({ identity_3: total, mul_5: total }, given);
    expect(numbersOf(results.identity_3)).toEqual([11]);
    expect(numbersOf(results.mul_5)).toEqual([11]);
  });

  it('are refused where an output and an input share one', () => {
    expect(() => emitOnnx({ x: add(x, x) })).toThrow('graph/emit: an output and an input are both named x; rename one');
  });

  it('are refused where two inputs of different types share one', () => {
    expect(() => emitOnnx({ y: add(x, input('x', 'float', [3])) })).toThrow(
      'graph/emit: x is used as float [batch, 3] and as float [3]',
    );
    const same = emitOnnx({ y: add(x, input('x', 'float', ['batch', 3])) });
    expect(same.graph.inputs).toHaveLength(1);
  });
});

describe('outputs', () => {
  it('may be inputs, constants, and the same tensor twice', async () => {
    const results = await runOnEngine(
      { given: x, known: constant([7, 8]), y: mul(x, x), again: mul(x, x), copy: x },
      feeds,
    );
    expect(numbersOf(results.given)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(numbersOf(results.copy)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(numbersOf(results.known)).toEqual([7, 8]);
    const square = mul(x, x);
    const twice = await runOnEngine({ a: square, b: square }, feeds);
    expect(numbersOf(twice.a)).toEqual([1, 4, 9, 16, 25, 36]);
    expect(numbersOf(twice.b)).toEqual(numbersOf(twice.a));
  });

  it('may be known altogether', async () => {
    const results = await runOnEngine({ y: add(constant([1, 2]), constant(1)) }, {});
    expect(numbersOf(results.y)).toEqual([2, 3]);
  });

  it('may have any element type', async () => {
    const results = await runOnEngine(
      { n: positions(x, 0), c: lessOrEqual(x, constant(3)), f: cast(positions(x, 0), 'float') },
      feeds,
    );
    expect(Object.fromEntries(Object.entries(results).map(([name, { dtype }]) => [name, dtype]))).toEqual({
      n: 'int64',
      c: 'bool',
      f: 'float32',
    });
    expect(numbersOf(results.n)).toEqual([0, 1]);
  });

  it('may have axes that are two together, of which one may be empty', async () => {
    const past = input('past', 'float', ['batch', 'past', 2]);
    const own = input('own', 'float', ['batch', 'seq', 2]);
    const all = concat([past, own], 1);
    expect(all.shape).toEqual(['batch', 'past + seq', 2]);
    const values = { past: makeValue('float', [1, 0, 2], []), own: makeValue('float', [1, 2, 2], [1, 2, 3, 4]) };
    const { all: result } = await runOnEngine({ all }, values);
    expect(result?.shape).toEqual([1, 2, 2]);
    expect(numbersOf(result)).toEqual([1, 2, 3, 4]);
    expect(() => gradients(sum(all), [own])).toThrow(/concat: the gradient of .* needs a known length on axis 1/);
  });

  it('may have axes of length 0', async () => {
    const empty = input('x', 'float', ['batch', 0]);
    const reshaped = reshape(empty, [0, 'batch', 5]);
    const still = constant([], [3, 0]);
    const cases: Record<string, Tensor> = {
      reshaped,
      sum: sum(empty),
      added: add(empty, constant([1], [1, 1])),
      joined: concat([empty, slice(input('y', 'float', ['batch', 2]), 1, 0, 0)], 1),
      product: matmul(still, transpose(still, [1, 0])),
      swapped: reshape(still, [0, 3]),
    };
    const given = { x: makeValue('float', [2, 0], []), y: makeValue('float', [2, 2], [1, 2, 3, 4]) };
    const expected = evaluate(Object.values(cases), given);
    const results = await runOnEngine(cases, given);
    for (const [i, name] of Object.keys(cases).entries()) {
      expect(results[name]?.shape, name).toEqual(expected[i]?.shape);
      expect(numbersOf(results[name]), name).toEqual([...(expected[i]?.data ?? [])]);
    }
  });
});

describe('constants', () => {
  it('are stored once, whatever their size, also where they differ in what float32 drops', () => {
    const mask = () => constant(new Float64Array(300).fill(-1), [300]);
    const y = [mask(), mask(), constant(0.1), constant(0.1 + 1e-12)].reduce(add, constant(0.1));
    const { graph } = emitOnnx({ y });
    expect(graph.initializers.map(({ shape }) => sizeOf(shape))).toEqual([1, 300]);
  });

  it('are not mixed up by type, shape or sign of zero', async () => {
    const results = await runOnEngine(
      {
        a: constant([0, 0]),
        b: constant([-0, -0]),
        c: constant([0, 0], [2, 1]),
        d: constant([0, 0], [2], 'int'),
        e: constant([0, 1], [2], 'bool'),
      },
      {},
    );
    expect(numbersOf(results.a)).toEqual([0, 0]);
    expect(numbersOf(results.b)).toEqual([-0, -0]);
    expect(results.c?.shape).toEqual([2, 1]);
    expect(results.d?.dtype).toBe('int64');
    expect(results.e).toMatchObject({ dtype: 'bool', data: Uint8Array.of(0, 1) });
  });

  it('keep NaN, infinities, denormals and the largest integers', async () => {
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 2 ** -149, 3e38];
    const ints = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
    const results = await runOnEngine({ odd: constant(odd), ints: constant(ints, [2], 'int') }, {});
    expect(numbersOf(results.odd)).toEqual(odd.map(Math.fround));
    expect(numbersOf(results.ints)).toEqual(ints);
  });
});

describe('initializers', () => {
  const weight = parameter('weight', [3]);

  it('take the place of the input of their name', async () => {
    const initializers = new Map([['weight', float32('weight', [3], [10, 20, 30])]]);
    const model = emitOnnx({ y: mul(x, weight), w: weight }, { initializers });
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(['x']);
    const session = await cpuEngine().createSession(encodeModel(model), { threads: 1 });
    const { y, w } = await session.run({ x: { dtype: 'float32', shape: [1, 3], data: Float32Array.of(1, 2, 3) } });
    await session.release();
    expect(numbersOf(y)).toEqual([10, 40, 90]);
    expect(numbersOf(w)).toEqual([10, 20, 30]);
  });

  it('are stored once under the name that the graph uses, however often it is', () => {
    const initializers = new Map([['weight', float32('layers.0.weight', [3], [10, 20, 30])]]);
    const { graph } = emitOnnx({ y: add(mul(x, weight), parameter('weight', [3])) }, { initializers });
    expect(graph.initializers.map(({ name }) => name)).toEqual(['weight']);
  });

  it('are cast where they are stored in another float type, and only there', () => {
    const half: OnnxInitializer = { name: 'weight', dtype: 'float16', shape: [3], data: new Uint8Array(6) };
    const cast16 = emitOnnx({ y: weight }, { initializers: new Map([['weight', half]]) });
    expect(typesOf(cast16.graph.nodes)).toEqual(['Cast', 'Identity']);
    const ids: OnnxInitializer = { name: 'ids', dtype: 'int64', shape: [2], data: new Uint8Array(16) };
    const whole = emitOnnx({ y: input('ids', 'int', [2]) }, { initializers: new Map([['ids', ids]]) });
    expect(typesOf(whole.graph.nodes)).toEqual(['Identity']);
  });

  it('are refused in another shape', () => {
    const initializers = new Map([['weight', float32('weight', [1, 3], [1, 2, 3])]]);
    expect(() => emitOnnx({ y: weight }, { initializers })).toThrow(
      'graph/emit: weight is stored as [1, 3], the graph wants [3]',
    );
  });
});

describe('symbols', () => {
  it('are looked up at an input that has them, once', () => {
    const row = constant([1, 2], [1, 2]);
    const wide = [broadcastTo(row, ['seq', 2]), broadcastTo(constant(1), ['batch', 'seq'])];
    const { graph } = emitOnnx({
      a: wide[0] ?? row,
      b: wide[1] ?? row,
      c: broadcastTo(row, ['seq', 2]),
      given: input('x', 'float', ['batch', 'seq']),
    });
    expect(typesOf(graph.nodes).filter((type) => type === 'Shape')).toHaveLength(2);
  });

  it('that no input has are refused', () => {
    expect(() => emitOnnx({ y: broadcastTo(constant(1), ['seq']) })).toThrow('no input has the dimension seq');
    expect(() => emitOnnx({ y: broadcastTo(x, ['seq', 'batch', 3]) })).toThrow('no input has the dimension seq');
  });
});

it('writes the same bytes twice', () => {
  const build = () => {
    const weight = parameter('weight', [3]);
    const h = gelu(norm(normKind('layernorm'), x, [weight, parameter('bias', [3])]), 'tanh');
    const loss = sum(where(lessOrEqual(h, constant(0)), softmax(h), mul(h, constant([1, 2, 3]))));
    const [dx, dw] = gradients(loss, [x, weight]);
    if (dx === undefined || dw === undefined) throw new Error('two gradients expected');
    return encodeModel(emitOnnx({ loss, dx, dw }));
  };
  expect(Buffer.compare(build(), build())).toBe(0);
});

it('emits a deep chain', () => {
  let y: Tensor = x;
  for (let i = 0; i < 5000; i++) y = add(y, constant(1));
  expect(emitOnnx({ y }).graph.nodes).toHaveLength(5001);
});

describe('operator sets', () => {
  const y = norm(normKind('rmsnorm'), x, [constant([1, 2, 3])], 0.5);

  it('have RMSNorm as ONNX’s own from 23 on, where that is asked for, with the same numbers', async () => {
    const standard = emitOnnx({ y }, { standardNorms: true });
    expect(typesOf(standard.graph.nodes)).toContain('RMSNormalization');
    expect(standard).toMatchObject({ irVersion: 11, opsetImports: [{ version: 23 }, {}] });
    const results = await Promise.all(
      [standard, ...[20, 21, 22].map((version) => emitOnnx({ y }, { opset: version }))].map(async (model) => {
        const session = await cpuEngine().createSession(encodeModel(model));
        const data = Float32Array.from(feeds.x.data);
        const { y: result } = await session.run({ x: { dtype: 'float32', shape: [2, 3], data } });
        await session.release();
        return numbersOf(result);
      }),
    );
    const expected = evaluate([y], feeds)[0]?.data ?? new Float64Array();
    for (const result of results) {
      for (const [i, value] of result.entries()) expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 6);
    }
  });

  it('that are older or newer are refused, and those that lack a standard norm', () => {
    expect(() => emitOnnx({ y }, { opset: 19 })).toThrow('operator set 19 is not written');
    expect(() => emitOnnx({ y }, { opset: 24 })).toThrow('operator set 24 is not written');
    expect(() => emitOnnx({ y }, { opset: 22, standardNorms: true })).toThrow('22 is not written with standard norms');
  });
});

describe('a product with transposed factors', () => {
  it('is one node where that is asked for, with the same numbers', async () => {
    const a = input('a', 'float', [2, 3, 4]);
    const b = input('b', 'float', [5, 4]);
    const c = input('c', 'float', [2, 3, 6]);
    const outputs = {
      right: matmul(a, b, { transposeB: true }),
      left: matmul(a, c, { transposeA: true }),
      both: matmul(a, input('d', 'float', [2, 6, 3]), { transposeA: true, transposeB: true }),
    };
    const draw = (shape: readonly number[]) =>
      makeValue(
        'float',
        shape,
        Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(3 * i + shape.length)),
      );
    const given = { a: draw([2, 3, 4]), b: draw([5, 4]), c: draw([2, 3, 6]), d: draw([2, 6, 3]) };
    expect(typesOf(emitOnnx(outputs).graph.nodes)).toContain('Transpose');
    const fused = typesOf(emitOnnx(outputs, { fusedTransposes: true }).graph.nodes);
    expect(fused.filter((type) => type !== 'Identity')).toEqual(['FusedMatMul', 'FusedMatMul', 'FusedMatMul']);
    const exact = evaluate(Object.values(outputs), given);
    for (const floatType of ['float32', 'float64'] as const) {
      const results = await runOnEngine(outputs, given, { fusedTransposes: true, floatType });
      for (const [i, name] of Object.keys(outputs).entries()) {
        const expected = exact[i]?.data ?? [];
        expect(numbersOf(results[name])).toHaveLength(expected.length);
        for (const [j, value] of numbersOf(results[name]).entries())
          expect(value).toBeCloseTo(expected[j] ?? Number.NaN, 5);
      }
    }
  });
});
