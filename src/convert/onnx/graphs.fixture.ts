import { expect } from 'vitest';
import type { DType } from '../../core/dtype.ts';
import { encode } from '../../core/encoding.ts';
import { createRandom } from '../../core/random.ts';
import { type Shape, sizeOf } from '../../core/shape.ts';
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor } from '../../graph/index.ts';
import { bothInFloat64, largestDifference } from './fixtures.fixture.ts';
import { type OnnxPlan, planOnnx } from './plan.ts';
import { reportOf } from './report.ts';

// Small graphs by hand: a node is a line.

const random = createRandom(3);
export const width = 8;

type Attributes = Readonly<Record<string, OnnxAttribute>>;
export const node = (
  opType: string,
  inputs: string,
  outputs: string,
  attributes?: Attributes,
  domain?: string,
): OnnxNode => ({
  opType,
  inputs: inputs.split(' ').map((name) => (name === '-' ? '' : name)),
  outputs: outputs.split(' ').map((name) => (name === '-' ? '' : name)),
  ...(attributes === undefined ? {} : { attributes }),
  ...(domain === undefined ? {} : { domain }),
});
export const int = (value: number): OnnxAttribute => ({ kind: 'int', value });
export const ints = (...value: readonly number[]): OnnxAttribute => ({ kind: 'ints', value });

export function tensor(
  name: string,
  shape: readonly number[],
  dtype: DType = 'float32',
  values?: readonly number[],
): OnnxTensor {
  const draw = random.split(name);
  const data = Float64Array.from(values ?? Array.from({ length: sizeOf(shape) }, () => 0.5 + draw.normal()));
  return { name, dtype, shape, data: encode(data, dtype) };
}

const constants = [
  tensor('table', [5, width]),
  tensor('W', [width, width]),
  tensor('b', [width]),
  tensor('g1', [width]),
  tensor('b1', [width]),
  tensor('g2', [width]),
  tensor('b2', [width]),
  tensor('head', [width, 3]),
];

export interface Described {
  readonly nodes: readonly OnnxNode[];
  readonly initializers?: readonly OnnxTensor[];
  readonly inputs?: Readonly<Record<string, readonly [DType, Shape]>>;
  readonly outputs?: readonly string[];
  readonly opset?: number;
}

export function modelOf({ nodes, initializers = [], inputs = {}, outputs = ['y'], opset = 17 }: Described): OnnxModel {
  const read = new Set(nodes.flatMap((n) => n.inputs));
  return {
    irVersion: 9,
    producerName: 'test',
    opsetImports: [
      { domain: '', version: opset },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'g',
      nodes,
      initializers: [...constants, ...initializers].filter(({ name }) => read.has(name)),
      inputs: Object.entries({ ids: ['int64', [2, 3]] as const, ...inputs }).map(([name, [dtype, shape]]) => {
        return { name, dtype, shape };
      }),
      outputs: outputs.map((name) => ({ name, dtype: 'float32', shape: [2, 3, `${name}.width`] })),
    },
  };
}

export const ids = { dtype: 'int', shape: [2, 3], data: Float64Array.of(0, 1, 2, 3, 4, 1) } as const;
export const external = { files: [], read: async function* () {} };
export const plan = (model: OnnxModel, normOps: 'auto' | 'primitive' = 'auto') =>
  planOnnx(model, { normOps, source: 'm' });
export const whys = (planned: OnnxPlan) =>
  reportOf(planned).norms.map(({ outcome, why }) => (outcome === 'kept' ? why : 'converted'));

export async function expectSame(model: OnnxModel, planned: OnnxPlan, more: Parameters<typeof bothInFloat64>[2] = {}) {
  const { before, after } = await bothInFloat64({ model, external }, planned, { ids, ...more });
  for (const [name, value] of before) expect(largestDifference(value, after.get(name))).toBeLessThan(1e-12);
  return before;
}

export const embed = node('Gather', 'table ids', 'x');
export const norm = (input: string, output: string) =>
  node('LayerNormalization', `${input} g1 b1`, output, { axis: int(-1) });
export const head = (input: string) => node('MatMul', `${input} head`, 'y');
