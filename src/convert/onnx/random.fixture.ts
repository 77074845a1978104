import { encode } from '../../core/encoding.ts';
import { createRandom } from '../../core/random.ts';
import { sizeOf } from '../../core/shape.ts';
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from '../../graph/index.ts';

/** What a random model does to its stream, one after the other. */
export const streamSteps = [
  'branch',
  'branch',
  'branch',
  'scaledBranch',
  'parallelBranches',
  'linear',
  'bias',
  'half',
  'reshape',
  'transpose',
  'tokens',
  'splitAndJoin',
  'mask',
  'unsqueeze',
  'gatherPositions',
  'shareWeight',
  'reuseTable',
  'centre',
  // What keeps a mean.
  'relu',
  'postNorm',
  'expose',
  'readRaw',
  'channelScale',
  'input',
] as const;
export type StreamStep = (typeof streamSteps)[number];

export interface RandomModel {
  readonly seed: number;
  readonly steps: readonly StreamStep[];
  /** How its norms are written. */
  readonly norm: 'fused' | 'pow' | 'mul' | 'reciprocal';
  readonly opset: 14 | 17 | 18 | 23;
}

const batch = 2;
const tokens = 3;
const width = 6;
const vocabulary = 5;

/** A model of inputs `ids`, `x` and `mask`, with random weights that have means. */
export function randomModel({ seed, steps, norm, opset }: RandomModel): OnnxModel {
  const random = createRandom(seed);
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const outputs: string[] = [];
  let count = 0;
  const tensor = (shape: readonly number[], values?: readonly number[], dtype: 'float64' | 'int64' = 'float64') => {
    const name = `w${count++}`;
    const draw = random.split(name);
    const data = values ?? Array.from({ length: sizeOf(shape) }, () => 0.4 + 0.6 * draw.normal());
    initializers.push({ name, dtype, shape, data: encode(Float64Array.from(data), dtype) });
    return name;
  };
  const ints = (...values: readonly number[]) => tensor([values.length], values, 'int64');
  const add = (opType: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>) => {
    const output = `v${count++}`;
    nodes.push({ opType, inputs, outputs: [output], ...(attributes === undefined ? {} : { attributes }) });
    return output;
  };
  const int = (value: number): OnnxAttribute => ({ kind: 'int', value });
  const list = (...value: readonly number[]): OnnxAttribute => ({ kind: 'ints', value });
  const mean = (x: string) =>
    opset >= 18 ? add('ReduceMean', [x, ints(-1)]) : add('ReduceMean', [x], { axes: list(-1), keepdims: int(1) });
  const layerNorm = (x: string): string => {
    const [weight, bias] = [tensor([width]), tensor([width])];
    if (norm === 'fused' && opset >= 17) {
      return add('LayerNormalization', [x, weight, bias], { epsilon: { kind: 'float', value: 1e-3 } });
    }
    const centred = add('Sub', [x, mean(x)]);
    const square = norm === 'mul' ? add('Mul', [centred, centred]) : add('Pow', [centred, tensor([], [2])]);
    const root = add('Sqrt', [add('Add', [mean(square), tensor([], [1e-3])])]);
    const unit = norm === 'reciprocal' ? add('Mul', [centred, add('Reciprocal', [root])]) : add('Div', [centred, root]);
    return add('Add', [add('Mul', [unit, weight]), bias]);
  };
  const inner = (x: string) => add('Tanh', [add('MatMul', [x, tensor([width, 4])])]);
  const writer = (x: string, weight = tensor([4, width])) => add('Add', [add('MatMul', [x, weight]), tensor([width])]);

  const table = tensor([vocabulary, width]);
  let stream = add('Add', [add('Gather', [table, 'ids']), tensor([tokens, width])]);
  let shared: string | undefined;
  const step: Readonly<Record<StreamStep, () => void>> = {
    branch() {
      stream = add('Add', [stream, writer(inner(layerNorm(stream)))]);
    },
    scaledBranch() {
      const branch = add('Mul', [writer(inner(layerNorm(stream))), tensor([width])]);
      stream = add('Add', [branch, stream]);
    },
    parallelBranches() {
      const [a, b] = [writer(inner(layerNorm(stream))), writer(inner(layerNorm(stream)))];
      stream = add('Add', [add('Add', [a, b]), stream]);
    },
    linear() {
      stream = writer(inner(stream));
    },
    bias() {
      stream = add('Sub', [stream, tensor([1, 1, width])]);
    },
    half() {
      stream = add('Div', [add('Mul', [tensor([], [0.5]), stream]), tensor([tokens, 1])]);
    },
    reshape() {
      const flat = add('Reshape', [stream, ints(-1, width)]);
      stream = add('Reshape', [add('Add', [flat, tensor([width])]), ints(batch, -1, width)]);
    },
    transpose() {
      const turned = add('Transpose', [stream], { perm: list(0, 2, 1) });
      stream = add('Transpose', [add('Add', [turned, tensor([width, 1])])], { perm: list(0, 2, 1) });
    },
    tokens() {
      const token = add('Expand', [tensor([1, 1, width]), ints(batch, 1, width)]);
      const joined = add('Concat', [token, stream], { axis: int(1) });
      stream = add('Slice', [joined, ints(1), ints(tokens + 1), ints(1)]);
    },
    splitAndJoin() {
      const [a, b] = [`v${count++}`, `v${count++}`];
      nodes.push({ opType: 'Split', inputs: [stream, ints(1, 2)], outputs: [a, b], attributes: { axis: int(1) } });
      stream = add('Concat', [b, add('Neg', [a])], { axis: int(1) });
    },
    mask() {
      stream = add('Where', ['mask', stream, tensor([width])]);
    },
    unsqueeze() {
      stream = add('Squeeze', [add('Unsqueeze', [stream, ints(0)]), ints(0)]);
    },
    gatherPositions() {
      stream = add('Gather', [stream, ints(2, 0, 1)], { axis: int(1) });
    },
    shareWeight() {
      const before = shared;
      shared = before ?? tensor([4, width]);
      stream = add('Add', [stream, writer(inner(layerNorm(stream)), shared)]);
    },
    reuseTable() {
      outputs.push(add('MatMul', [layerNorm(stream), add('Transpose', [table], { perm: list(1, 0) })]));
    },
    centre() {
      stream = add('Sub', [stream, mean(stream)]);
    },
    relu() {
      stream = add('Relu', [stream]);
    },
    postNorm() {
      stream = layerNorm(stream);
    },
    expose() {
      outputs.push(stream);
    },
    readRaw() {
      stream = add('Add', [stream, writer(inner(stream))]);
    },
    channelScale() {
      stream = add('Mul', [stream, tensor([width])]);
    },
    input() {
      stream = add('Add', [stream, 'x']);
    },
  };
  for (const name of steps) step[name]();
  outputs.push(add('MatMul', [layerNorm(stream), tensor([width, 3])]));
  const info = (name: string, shape: readonly (number | string)[], dtype: OnnxValueInfo['dtype']) => {
    return { name, dtype, shape };
  };
  return {
    irVersion: 9,
    producerName: 'random',
    opsetImports: [{ domain: '', version: opset }],
    graph: {
      name: 'random',
      nodes,
      initializers,
      inputs: [
        info('ids', [batch, tokens], 'int64'),
        info('x', [batch, tokens, width], 'float64'),
        info('mask', [batch, tokens, 1], 'bool'),
      ],
      outputs: [...new Set(outputs)].map((name) => info(name, [batch, tokens, `${name}.width`], 'float64')),
    },
  };
}

/** Inputs of such a model. */
export function randomInputs(seed: number) {
  const random = createRandom(seed).split('inputs');
  const of = (length: number, draw: () => number) => Float64Array.from({ length }, draw);
  const rows = batch * tokens;
  return {
    ids: { dtype: 'int', shape: [batch, tokens], data: of(rows, () => random.integer(vocabulary)) },
    x: { dtype: 'float', shape: [batch, tokens, width], data: of(rows * width, () => random.normal()) },
    mask: { dtype: 'bool', shape: [batch, tokens, 1], data: of(rows, () => random.integer(2)) },
  } as const;
}
