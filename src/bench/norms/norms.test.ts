import { afterEach, describe, expect, test, vi } from 'vitest';
import { cpuEngine } from '../../engine/index.ts';
import { encodeModel, type OnnxModel } from '../../graph/index.ts';
import { initialValue, type NormKind, normKind, normKinds } from '../../norms/index.ts';
import { clockEngine } from '../clock.fixture.ts';
import { ordinaryNumbers } from '../data.ts';
import { type Direction, directions, emptyChain, loweringOf, normChain } from './graph.ts';
import { applicationSeconds, benchNorms, chainLengthFor } from './measure.ts';

const cases = normKinds.flatMap((kind) => directions.map((direction) => [kind.id, direction] as const));

const numbers = (length: number, stream: number) => ordinaryNumbers(length, undefined, undefined, stream);

/** The first row that a chain returns, and the same from the float64 definitions. */
async function bothRows(kind: NormKind, direction: Direction, rows: number, width: number, length: number) {
  const columns = kind.id === 'crmsnorm' ? width - 1 : width;
  const parameters = Object.fromEntries(
    kind.parameters.map((entry) => {
      const size = entry.shape === 'vector' ? columns : 1;
      return [entry.name, Float64Array.from(ordinaryNumbers(size, 0.1, initialValue(entry, columns)))];
    }),
  );
  const context = { width: columns, epsilon: kind.defaultEpsilon };
  const xs = Array.from({ length }, (_, i) => numbers(rows * columns, i + 1));
  const dy = numbers(rows * columns, 0);
  let expected: Float64Array = Float64Array.from((direction === 'forward' ? xs[0] : dy) ?? []);
  for (const x of xs) {
    expected =
      direction === 'forward'
        ? kind.forward(expected, parameters, context)
        : kind.backward(Float64Array.from(x), expected, parameters, context).dx;
  }

  const model = normChain(kind, direction, { rows, width }, length);
  const feeds = Object.fromEntries(
    model.graph.inputs.map(({ name }) => {
      const data = name === 'dy' ? dy : (xs[Number(name.slice(1))] ?? dy);
      return [name, { dtype: 'float32' as const, shape: [rows, columns], data }];
    }),
  );
  const session = await cpuEngine().createSession(encodeModel(model), { threads: 1 });
  const { row } = await session.run(feeds);
  await session.release();
  if (row?.dtype !== 'float32') throw new Error('no row');
  return { expected: expected.slice(0, columns), row: row.data.slice(0, columns) };
}

describe('a chain', () => {
  test.each(cases.filter(([id]) => id !== 'none'))(
    'of %s %s applies the norm as often as it says, to numbers that keep their size',
    async (id, direction) => {
      const { expected, row } = await bothRows(normKind(id), direction, 3, 64, 16);
      const scale = Math.max(...expected.map(Math.abs));
      expect(scale).toBeGreaterThan(1e-8);
      expect(scale).toBeLessThan(1e3);
      expect(row).toHaveLength(expected.length);
      for (const [i, value] of expected.entries()) {
        expect(Math.abs((row[i] ?? Number.NaN) - value)).toBeLessThan(1e-4 * scale);
      }
    },
  );

  test.each(directions)('of no norm has the same inputs %s', (direction) => {
    const namesOf = (model: OnnxModel) => model.graph.inputs.map(({ name }) => name).sort();
    const chain = normChain(normKind('rmsnorm'), direction, { rows: 4, width: 8 }, 3);
    expect(namesOf(emptyChain(direction, { rows: 4, width: 8 }, 3))).toEqual(namesOf(chain));
  });

  test.each(cases)('of %s %s has nothing that the engine could compute once for two applications', (id, direction) => {
    const kind = normKind(id);
    const nodes = normChain(kind, direction, { rows: 4, width: 8 }, 4).graph.nodes;
    const wide = nodes.filter(({ opType }) => !['Identity', 'Reshape', 'Slice', 'Concat'].includes(opType));
    // The same operator on the same arguments is one computation; what only depends on a weight (1 + w) may be shared.
    const weights = new Set(kind.parameters.map(({ name }) => name as string));
    const keys = wide
      .filter(({ inputs }) => inputs.some((input) => !weights.has(input) && !input.startsWith('constant')))
      .map(({ opType, inputs }) => `${opType} ${inputs.join()}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('is short for large tensors and long for small ones', () => {
    expect(chainLengthFor({ rows: 2048, width: 128 })).toBe(16);
    expect(chainLengthFor({ rows: 2048, width: 768 })).toBe(3);
    expect(chainLengthFor({ rows: 2048, width: 8192 })).toBe(2);
    expect(chainLengthFor({ rows: 1, width: 2 })).toBe(16);
  });
});

describe('what is fused', () => {
  test('LayerNorm and RMSNorm forward are one operator, CRMSNorm and every backward pass are composed', () => {
    expect(loweringOf(normKind('layernorm'), 'forward')).toEqual(['LayerNormalization']);
    expect(loweringOf(normKind('rmsnorm'), 'forward')).toEqual(['SimplifiedLayerNormalization']);
    expect(loweringOf(normKind('none'), 'backward')).toEqual([]);
    expect(loweringOf(normKind('crmsnorm'), 'forward').length).toBeGreaterThan(3);
    for (const kind of normKinds.filter(({ id }) => id !== 'none')) {
      expect(loweringOf(kind, 'backward').length).toBeGreaterThan(3);
    }
  });
});

describe('times', () => {
  test('of one application: the empty run is taken off, the rest divided', () => {
    const seconds = applicationSeconds(Float64Array.of(9, 17), 1, 4, { rows: 1, width: 2 });
    expect([...seconds]).toEqual([2, 4]);
  });

  test('no longer than an empty run are refused in half of the rounds', () => {
    const shape = { rows: 8, width: 2 };
    expect(() => applicationSeconds(Float64Array.of(9, 1, 1), 1, 4, shape)).toThrow(/8×2 is too small/);
  });
});

/** Which model this is: `layernorm 16` is a chain of sixteen. */
function chainOf({ graph: { inputs, nodes, initializers } }: OnnxModel): string {
  const parameters = ['bias', 'weight'].filter((name) => initializers.some((entry) => entry.name === name)).length;
  const count = nodes.filter(({ opType }) => opType.endsWith('LayerNormalization')).length;
  if (inputs[0]?.name === 'x') return 'copy';
  if (inputs.some(({ name }) => name === 'dy')) return parameters === 0 ? 'empty' : `backward ${parameters}`;
  if (count > 0) return `forward ${parameters} ${count}`;
  return nodes.some(({ opType }) => opType === 'Mul') ? 'scaling' : 'empty';
}

describe('benchNorms on a clock', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('gives the times, ratios and intervals of known runs', async () => {
    const times: Readonly<Record<string, number | readonly number[]>> = {
      copy: 1,
      empty: 1,
      scaling: 1 + 16,
      'forward 2 16': 1 + 16 * 10,
      'forward 1 16': [0.6, 0.66, 0.61, 0.58, 0.63, 0.64].map((ratio) => 1 + 16 * 10 * ratio),
      'backward 2': 1 + 16 * 20,
      'backward 1': 1 + 16 * 15,
    };
    const { engine, live } = clockEngine(chainOf, (name, creation) => {
      const time = times[name] ?? Number.NaN;
      return typeof time === 'number' ? time : (time[creation] ?? Number.NaN);
    });
    const result = await benchNorms({
      engine,
      rows: 256,
      widths: [32],
      norms: ['rmsnorm'],
      seconds: 4,
      copyTensorBytes: 2 ** 20,
    });
    const close = (value: number) => expect.closeTo(value, 9);
    expect(result.copyGigabytesPerSecond).toBeCloseTo(2 ** 21 / 1e6, 9);
    // t = 2.570581835636314 of five degrees of freedom.
    expect(
      result.ops.map(({ norm, direction, microseconds, ratioToLayerNorm: { ratio, ci } }) => [
        `${norm} ${direction}`,
        microseconds,
        ratio,
        ...ci,
      ]),
    ).toEqual([
      ['layernorm forward', close(10_000), 1, 1, 1],
      ['rmsnorm forward', close(6200), close(0.6194347845656186), close(0.589741949123248), close(0.6506226204533848)],
      ['layernorm backward', close(20_000), 1, 1, 1],
      ['rmsnorm backward', close(15_000), close(0.75), close(0.75), close(0.75)],
    ]);
    expect(result.rotations).toEqual([
      expect.objectContaining({
        direction: 'forward',
        replicates: 6,
        emptyRunMicroseconds: 1000,
        scaleMicroseconds: close(1000),
      }),
      expect.objectContaining({ direction: 'backward', replicates: 6, chainLength: 16 }),
    ]);
    // A round of the four models takes 277 to 288 ms forward and 580 ms backward, and each of six replicates a third of a second.
    expect(result.rotations.map(({ rounds }) => rounds)).toEqual([18, 18]);
    expect(live).toEqual({ now: 0, most: 4 });
  });
});

describe('benchNorms', () => {
  test('gives every norm in both directions, with intervals around the ratios', async () => {
    const progress: number[] = [];
    const result = await benchNorms({
      rows: 1024,
      widths: [64],
      copyTensorBytes: 2 ** 20,
      norms: ['crmsnorm'],
      threads: 1,
      seconds: 0.01,
      onProgress: ({ fraction }) => progress.push(fraction),
    });
    expect(result.runtimeLabel).toMatch(/^ONNX Runtime \d+\.\d+\.\d+ on CPU, 1 thread$/);
    expect(result.ops.map(({ norm, direction }) => `${norm} ${direction}`)).toEqual([
      'layernorm forward',
      'crmsnorm forward',
      'layernorm backward',
      'crmsnorm backward',
    ]);
    for (const op of result.ops) {
      const { ratio, ci } = op.ratioToLayerNorm;
      expect(ci[0]).toBeLessThanOrEqual(ratio);
      expect(ci[1]).toBeGreaterThanOrEqual(ratio);
      expect(op.fractionOfCopy).toBeCloseTo(op.gigabytesPerSecond / result.copyGigabytesPerSecond, 12);
      const tensors = op.direction === 'forward' ? 2 : 3;
      const elements = 1024 * (op.norm === 'crmsnorm' ? 63 : 64);
      expect(op.gigabytesPerSecond * op.microseconds * 1e3).toBeCloseTo(4 * tensors * elements, 3);
    }
    expect(result.rotations.every(({ rounds, chainLength }) => rounds >= 18 && chainLength === 16)).toBe(true);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(1);
  });

  test.each([
    [{ norms: ['rmsnrm'] }, /Did you mean rmsnorm/],
    [{ rows: 0 }, /rows is 0/],
    [{ widths: [1] }, /width is 1/],
    [{ widths: [2.5] }, /width is 2.5/],
    [{ seconds: Number.NaN }, /seconds is NaN/],
    [{ rows: 2 ** 40 }, /needs about .* GiB of memory/],
  ])('refuses %j', async (options, message) => {
    await expect(benchNorms(options)).rejects.toThrow(message);
  });

  test('stops when it is told to', async () => {
    const reason = new Error('enough');
    await expect(benchNorms({ rows: 8, widths: [8], signal: AbortSignal.abort(reason), seconds: 0.01 })).rejects.toBe(
      reason,
    );
  });
});
