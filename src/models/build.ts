import type { Dim } from '../core/shape.ts';
import {
  add,
  concat,
  constant,
  gather,
  gelu,
  input,
  matmul,
  maximum,
  minimum,
  mul,
  neg,
  norm,
  parameter,
  relu,
  reshape,
  scale,
  silu,
  slice,
  softmax,
  split,
  squaredRelu,
  type Tensor,
  transpose,
} from '../graph/index.ts';
import { decoderParameters } from './layout.ts';
import { type Activation, type DecoderSpec, kindOf, type NormSpec } from './spec.ts';

/** How a parameter is stored: under which name, and whether a matrix is `[in, out]` instead of `[out, in]`. */
export interface StoredAs {
  readonly tensor: string;
  readonly transposed: boolean;
}

/** Where each canonical parameter is stored. Two may share a tensor. */
export type Storage = ReadonlyMap<string, StoredAs>;

export interface BuildOptions {
  readonly batch: Dim;
  /** Positions of a sequence. */
  readonly sequence: number;
  /** Default: every parameter under its canonical name. */
  readonly storage?: Storage;
  /** Gives the tensor for a stored parameter; default: a graph parameter of that name. */
  readonly parameter?: (name: string, shape: readonly number[]) => Tensor;
}

/** A decoder's graph. */
export interface DecoderGraph {
  /** int `[batch, sequence]`, named `input_ids` */
  readonly inputIds: Tensor;
  /** `[batch, sequence, vocabularySize]` */
  readonly logits: Tensor;
  /** The embeddings' sum, then the stream after each block; the last one is after the final norm. `[batch, sequence, streamSize]` */
  readonly hiddenStates: readonly Tensor[];
  /** The stream before the final norm. */
  readonly lastBlockOut: Tensor;
  /** The parameters under the names and in the layout in which they are stored. */
  readonly parameters: ReadonlyMap<string, Tensor>;
}

/** The storage in which every parameter has its canonical name and shape. */
export function canonicalStorage(spec: DecoderSpec): Storage {
  return new Map(decoderParameters(spec).map(({ name }) => [name, { tensor: name, transposed: false }]));
}

/** Builds the graph of a decoder on int `input_ids` `[batch, sequence]`. */
export function buildDecoder(spec: DecoderSpec, options: BuildOptions): DecoderGraph {
  const { batch, sequence } = options;
  const weights = collectWeights(spec, options);
  const inputIds = input('input_ids', 'int', [batch, sequence]);

  let x = gather(weights.get('embedding.token.weight').tensor, inputIds);
  if (spec.positions.kind === 'learned') {
    x = add(x, slice(weights.get('embedding.position.weight').tensor, 0, 0, sequence));
  }
  const hiddenStates = [x];
  const shared = { spec, weights, batch, sequence, mask: causalMask(sequence), rotate: rotation(spec, sequence) };
  for (let layer = 0; layer < spec.numLayers; layer++) {
    x = applyBranch(shared, `blocks.${layer}.attention`, x, (branch) => attention(shared, layer, branch));
    x = applyBranch(shared, `blocks.${layer}.mlp`, x, (branch) => mlp(shared, layer, branch));
    hiddenStates.push(x);
  }
  const lastBlockOut = x;
  if (spec.finalNorm !== null) x = applyNorm(weights, spec.finalNorm, 'final_norm', x);
  hiddenStates[hiddenStates.length - 1] = x;
  const logits = spec.tiedHead
    ? withBias(weights, 'head', matmul(x, weights.get('embedding.token.weight').tensor, { transposeB: true }))
    : linear(weights, 'head', x);
  return { inputIds, logits, hiddenStates, lastBlockOut, parameters: weights.stored };
}

interface Weight {
  readonly tensor: Tensor;
  readonly transposed: boolean;
}

interface Weights {
  get(name: string): Weight;
  find(name: string): Weight | undefined;
  readonly stored: ReadonlyMap<string, Tensor>;
}

function collectWeights(spec: DecoderSpec, options: BuildOptions): Weights {
  const storage = options.storage ?? canonicalStorage(spec);
  const create = options.parameter ?? parameter;
  const stored = new Map<string, Tensor>();
  const weights = new Map<string, Weight>();
  for (const { name, shape } of decoderParameters(spec)) {
    const place = storage.get(name);
    if (place === undefined)
      throw new Error(`models/build: the family ${spec.family} does not say where ${name} is stored`);
    const storedShape = place.transposed ? [...shape].reverse() : shape;
    const tensor = stored.get(place.tensor) ?? create(place.tensor, storedShape);
    stored.set(place.tensor, tensor);
    weights.set(name, { tensor, transposed: place.transposed });
  }
  return {
    stored,
    find: (name) => weights.get(name),
    get(name) {
      const weight = weights.get(name);
      if (weight === undefined) throw new Error(`models/build: the spec has no parameter ${name}`);
      return weight;
    },
  };
}

interface Shared {
  readonly spec: DecoderSpec;
  readonly weights: Weights;
  readonly batch: Dim;
  readonly sequence: number;
  readonly mask: Tensor;
  readonly rotate: (x: Tensor) => Tensor;
}

/** One residual branch with its norms, wherever the placement puts them. */
function applyBranch({ spec, weights }: Shared, name: string, x: Tensor, branch: (x: Tensor) => Tensor): Tensor {
  const normed = (place: string, y: Tensor) => applyNorm(weights, spec.norm, `${name}.${place}`, y);
  switch (spec.placement) {
    case 'pre':
      return add(x, branch(normed('input_norm', x)));
    case 'post':
      return normed('output_norm', add(x, branch(x)));
    case 'output':
      return add(x, normed('output_norm', branch(x)));
    case 'peri':
      return add(x, normed('output_norm', branch(normed('input_norm', x))));
  }
}

function applyNorm(weights: Weights, spec: NormSpec, name: string, x: Tensor): Tensor {
  const kind = kindOf(spec);
  const parameters = kind.parameters.map((entry) => weights.get(`${name}.${entry.name}`).tensor);
  return norm(kind, x, parameters, spec.epsilon);
}

function linear(weights: Weights, name: string, x: Tensor): Tensor {
  const weight = weights.get(`${name}.weight`);
  return withBias(weights, name, matmul(x, weight.tensor, { transposeB: !weight.transposed }));
}

function withBias(weights: Weights, name: string, x: Tensor): Tensor {
  const bias = weights.find(`${name}.bias`);
  return bias === undefined ? x : add(x, bias.tensor);
}

/** Causal attention; heads that share keys and values are an axis of their own. */
function attention(shared: Shared, layer: number, x: Tensor): Tensor {
  const { spec, weights, batch, sequence } = shared;
  const { numHeads, numKeyValueHeads, headSize, scales } = spec.attention;
  const name = `blocks.${layer}.attention`;
  const [query, key, value] = projections(shared, name, x);
  const heads = (y: Tensor, count: number) => transpose(reshape(y, [batch, sequence, count, headSize]), [0, 2, 1, 3]);
  const normed = (y: Tensor, which: 'query' | 'key', extent: 'head' | 'full') => {
    const { qkNorm } = spec.attention;
    return qkNorm?.extent === extent ? applyNorm(weights, qkNorm.norm, `${name}.${which}_norm`, y) : y;
  };
  const prepare = (y: Tensor, which: 'query' | 'key', count: number) =>
    shared.rotate(normed(heads(normed(y, which, 'full'), count), which, 'head'));

  const group = numHeads / numKeyValueHeads;
  const grouped = (y: Tensor, size: number) =>
    group === 1 ? y : reshape(y, [batch, numKeyValueHeads, size, sequence, headSize]);
  const q = grouped(scale(prepare(query, 'query', numHeads), scales[layer] ?? 1 / Math.sqrt(headSize)), group);
  const k = grouped(prepare(key, 'key', numKeyValueHeads), 1);
  const v = grouped(heads(value, numKeyValueHeads), 1);
  const weightsOfKeys = softmax(add(matmul(q, k, { transposeB: true }), shared.mask));
  const mixed = reshape(matmul(weightsOfKeys, v), [batch, numHeads, sequence, headSize]);
  return linear(
    weights,
    `${name}.output`,
    reshape(transpose(mixed, [0, 2, 1, 3]), [batch, sequence, numHeads * headSize]),
  );
}

function projections({ spec, weights }: Shared, name: string, x: Tensor): readonly [Tensor, Tensor, Tensor] {
  const { numHeads, numKeyValueHeads, headSize, projection, clip } = spec.attention;
  const clipped = (y: Tensor) => (clip === null ? y : minimum(maximum(y, constant(-clip)), constant(clip)));
  if (projection === 'separate') {
    const project = (part: string) => clipped(linear(weights, `${name}.${part}`, x));
    return [project('query'), project('key'), project('value')];
  }
  const keys = numKeyValueHeads * headSize;
  const [query, key, value] = split(clipped(linear(weights, `${name}.qkv`, x)), -1, [numHeads * headSize, keys, keys]);
  if (query === undefined || key === undefined || value === undefined)
    throw new Error('models/build: a split lost a part');
  return [query, key, value];
}

function mlp({ spec, weights }: Shared, layer: number, x: Tensor): Tensor {
  const name = `blocks.${layer}.mlp`;
  const up = linear(weights, `${name}.up`, x);
  const inner =
    spec.mlp.kind === 'gated'
      ? mul(activate(spec.mlp.activation, linear(weights, `${name}.gate`, x)), up)
      : activate(spec.mlp.activation, up);
  return linear(weights, `${name}.down`, inner);
}

function activate(activation: Activation, x: Tensor): Tensor {
  switch (activation) {
    case 'gelu':
      return gelu(x, 'erf');
    case 'gelu_tanh':
      return gelu(x, 'tanh');
    case 'silu':
      return silu(x);
    case 'relu':
      return relu(x);
    case 'relu2':
      return squaredRelu(x);
  }
}

/** `[sequence, sequence]`: 0 where a query may see a key, −∞ where the key comes later. */
function causalMask(sequence: number): Tensor {
  const data = new Float64Array(sequence * sequence);
  for (let query = 0; query < sequence; query++) {
    data.fill(Number.NEGATIVE_INFINITY, query * sequence + query + 1, (query + 1) * sequence);
  }
  return constant(data, [sequence, sequence]);
}

/** Rotates queries or keys `[batch, heads, sequence, headSize]` by their positions, where the spec says so. */
function rotation(spec: DecoderSpec, sequence: number): (x: Tensor) => Tensor {
  const { positions } = spec;
  if (positions.kind !== 'rotary') return (x) => x;
  const size = spec.attention.headSize;
  const half = size / 2;
  const table = (f: (angle: number) => number) => {
    const angleAt = (i: number) => Math.floor(i / size) * positions.base ** ((-2 * (i % half)) / size);
    return constant(
      Float64Array.from({ length: sequence * size }, (_, i) => f(angleAt(i))),
      [sequence, size],
    );
  };
  const cosines = table(Math.cos);
  const sines = table(Math.sin);
  return (x) => {
    const [first, second] = split(x, -1, [half, half]);
    if (first === undefined || second === undefined) throw new Error('models/build: a split lost a part');
    return add(mul(x, cosines), mul(concat([neg(second), first], -1), sines));
  };
}
