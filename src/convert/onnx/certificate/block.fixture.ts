import type { FloatDType } from '../../../core/dtype.ts';
import { encode } from '../../../core/encoding.ts';
import { createRandom } from '../../../core/random.ts';
import { roundTo } from '../../../core/rounding.ts';
import { sizeOf } from '../../../core/shape.ts';
import { encodeModel, type OnnxModel, type OnnxNode } from '../../../graph/index.ts';
import type { OnnxSide } from './side.ts';

const width = 8;
const shapes = {
  tokens: [11, width],
  positions: [6, width],
  up: [width, 16],
  down: [16, width],
  bias: [width],
  weight1: [width],
  shift1: [width],
  weight2: [width],
  shift2: [width],
  head: [width, 5],
} as const satisfies Readonly<Record<string, readonly number[]>>;

type Name = keyof typeof shapes;

/** What writes to the stream. */
const writers = ['tokens', 'positions', 'down', 'bias'] as const satisfies readonly Name[];

export interface BlockOptions {
  readonly dtype?: FloatDType;
  readonly epsilon?: number;
  readonly norm?: 'LayerNormalization' | 'RMSNormalization';
  readonly weights: Readonly<Record<Name, Float64Array>>;
  /** An operator that float64 lacks, with nothing to do. */
  readonly shrink?: boolean;
  /** Weights as constants that nodes make. */
  readonly constants?: boolean;
}

/** Random weights of an embedding with positions, one Pre-LN block without attention, and a head. Nothing has mean 0. */
export function blockWeights(dtype: FloatDType = 'float32'): Record<Name, Float64Array> {
  const random = createRandom(7);
  const entries = Object.entries(shapes).map(([name, shape]) => {
    const draw = random.split(name);
    return [
      name,
      Float64Array.from({ length: sizeOf(shape) }, () => roundTo(0.3 + 0.5 * draw.normal(), dtype)),
    ] as const;
  });
  // The entries are those of `shapes`.
  return Object.fromEntries(entries) as Record<Name, Float64Array>;
}

/** The exact weights of the model with RMSNorms: the means over the hidden dimension are taken out of what writes to the stream. */
export function centred(weights: Readonly<Record<Name, Float64Array>>): ReadonlyMap<string, Float64Array> {
  return new Map(writers.map((name) => [name, centredRows(weights[name])]));
}

function centredRows(data: Float64Array): Float64Array {
  return data.map((value, i) => {
    const start = i - (i % width);
    return value - data.subarray(start, start + width).reduce((sum, x) => sum + x, 0) / width;
  });
}

export const rewrittenIn = (dtype: FloatDType) => new Map(writers.map((name) => [name, dtype]));

/** The block as a model with the inputs `ids` and `position_ids` and the outputs `logits` and `best`. */
export function blockSide({
  dtype = 'float32',
  weights,
  norm = 'LayerNormalization',
  epsilon = 1e-5,
  shrink,
  constants,
}: BlockOptions): OnnxSide {
  const node = (opType: string, inputs: readonly string[], output: string, rest: Partial<OnnxNode> = {}): OnnxNode => ({
    opType,
    inputs,
    outputs: [output],
    ...rest,
  });
  const normalized = (x: string, i: number): readonly OnnxNode[] => {
    const attributes = { epsilon: { kind: 'float', value: epsilon }, axis: { kind: 'int', value: -1 } } as const;
    if (norm === 'LayerNormalization') return [node(norm, [x, `weight${i}`, `shift${i}`], `norm${i}`, { attributes })];
    return [
      node('SimplifiedLayerNormalization', [x, `weight${i}`], `scaled${i}`, { attributes }),
      node('Add', [`scaled${i}`, `shift${i}`], `norm${i}`),
    ];
  };
  const float = (name: string, lastAxis: number) => ({ name, dtype, shape: ['batch', 'sequence', lastAxis] });
  const ids = (name: string) => ({ name, dtype: 'int64' as const, shape: ['batch', 'sequence'] });
  const tensors = Object.entries(shapes).map(([name, shape]) => ({
    name,
    dtype,
    shape,
    data: encode(weights[name as Name], dtype),
  }));
  const model: OnnxModel = {
    irVersion: 8,
    producerName: 'test',
    opsetImports: [{ domain: '', version: 17 }],
    graph: {
      name: 'block',
      inputs: [ids('ids'), ids('position_ids')],
      outputs: [float('logits', 5), { ...ids('best') }],
      initializers: constants ? [] : tensors,
      nodes: [
        ...(constants ? tensors : []).map((value) =>
          node('Constant', [], value.name, { attributes: { value: { kind: 'tensor', value } } }),
        ),
        node('Gather', ['tokens', 'ids'], 'token'),
        node('Gather', ['positions', 'position_ids'], 'position'),
        node('Add', ['token', 'position'], 'x'),
        ...normalized('x', 1),
        node('MatMul', ['norm1', 'up'], 'inner'),
        node('Relu', ['inner'], 'active'),
        node('MatMul', ['active', 'down'], 'written'),
        node('Add', ['written', 'bias'], 'branch'),
        node('Add', ['x', 'branch'], 'y'),
        ...normalized('y', 2),
        ...(shrink ? [node('Shrink', ['norm2'], 'read', { attributes: { lambd: { kind: 'float', value: 0 } } })] : []),
        node('MatMul', [shrink ? 'read' : 'norm2', 'head'], 'logits'),
        node('ArgMax', ['logits'], 'best', {
          attributes: { axis: { kind: 'int', value: -1 }, keepdims: { kind: 'int', value: 0 } },
        }),
      ],
    },
  };
  const read = () => {
    throw new Error('nothing lies elsewhere');
  };
  return { path: 'block.onnx', bytes: encodeModel(model), model, folder: '.', external: { read } };
}

/** The norms that are replaced, by the values that they read. */
export const blockNorms = [
  { before: 'x', after: 'x' },
  { before: 'y', after: 'y' },
];
