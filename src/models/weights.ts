import type { Dim } from '../core/shape.ts';
import { add, concat, matmul, mul, norm, parameter, reshape, slice, type Tensor } from '../graph/index.ts';
import { normKind } from '../norms/index.ts';
import { decoderParameters } from './layout.ts';
import { type DecoderSpec, kindOf, type NormSpec } from './spec.ts';

export interface RowsOfTensor {
  readonly shape: readonly number[];
  readonly row: number;
  readonly rows: number;
}

/** How a parameter is stored: under which name, and whether a matrix is `[in, out]` instead of `[out, in]`. */
export interface StoredAs {
  readonly tensor: string;
  readonly transposed: boolean;
  /** Where it is a part of a tensor: that tensor's shape, the first of its rows that are the part, and their number. */
  readonly within?: RowsOfTensor | undefined;
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

/** The shape of the tensor that holds a parameter of a canonical shape. */
export function storedShape({ transposed, within }: StoredAs, shape: readonly number[]): readonly number[] {
  return within?.shape ?? (transposed ? [...shape].reverse() : shape);
}

/** The storage in which every parameter has its canonical name and shape. */
export function canonicalStorage(spec: DecoderSpec): Storage {
  return new Map(decoderParameters(spec).map(({ name }) => [name, { tensor: name, transposed: false }]));
}

/** A parameter, and whether a matrix is stored as `[in, out]`. */
export interface Weight {
  readonly tensor: Tensor;
  readonly transposed: boolean;
}

/** A decoder's parameters by canonical name. */
export interface Weights {
  get(name: string): Weight;
  find(name: string): Weight | undefined;
  readonly stored: ReadonlyMap<string, Tensor>;
}

/** The parameters of a decoder, each stored tensor once. */
export function collectWeights(spec: DecoderSpec, options: Pick<BuildOptions, 'storage' | 'parameter'>): Weights {
  const storage = options.storage ?? canonicalStorage(spec);
  const create = options.parameter ?? parameter;
  const stored = new Map<string, Tensor>();
  const weights = new Map<string, Weight>();
  for (const { name, shape } of decoderParameters(spec)) {
    const place = storage.get(name);
    if (place === undefined)
      throw new Error(`models/build: the family ${spec.family} does not say where ${name} is stored`);
    const tensor = stored.get(place.tensor) ?? create(place.tensor, storedShape(place, shape));
    stored.set(place.tensor, tensor);
    weights.set(name, { tensor: partOf(tensor, place, shape), transposed: place.transposed });
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

function partOf(tensor: Tensor, { transposed, within }: StoredAs, shape: readonly number[]): Tensor {
  if (within === undefined) return tensor;
  const { row, rows } = within;
  return reshape(slice(tensor, 0, row, row + rows), transposed ? [...shape].reverse() : shape);
}

/** A norm with the parameters of that name. */
export function applyNorm(weights: Weights, spec: NormSpec, name: string, x: Tensor): Tensor {
  const kind = kindOf(spec);
  const parameters = kind.parameters.map((entry) => weights.get(`${name}.${entry.name}`).tensor);
  return norm(kind, x, parameters, spec.epsilon);
}

/** The kind that is left of a norm without its weight, by ids; undefined for norms that have more than a weight, or none. */
export function weightlessKind(kind: string): string | undefined {
  return weightlessKinds[kind];
}

const weightlessKinds: Readonly<Record<string, string>> = {
  'layernorm-nobias': 'layernorm-nonparametric',
  rmsnorm: 'rmsnorm-nonparametric',
};

/** A norm of each head `[batch, heads, sequence, headSize]` with the weights `<name>.heads.0.weight` and so on. */
export function applyHeadNorms(weights: Weights, spec: NormSpec, name: string, x: Tensor, heads: number): Tensor {
  const kind = weightlessKind(spec.kind);
  if (kind === undefined) throw new Error(`models: ${spec.kind} has not a weight alone`);
  const rows = Array.from({ length: heads }, (_, head) => weights.get(`${name}.heads.${head}.weight`).tensor);
  const normed = norm(normKind(kind), x, [], spec.epsilon);
  return mul(normed, reshape(concat(rows, 0), [heads, 1, rows[0]?.shape[0] ?? 0]));
}

/** x Wᵀ, with the bias if there is one. */
export function linear(weights: Weights, name: string, x: Tensor): Tensor {
  const weight = weights.get(`${name}.weight`);
  return withBias(weights, name, matmul(x, weight.tensor, { transposeB: !weight.transposed }));
}

/** Adds the bias of that name if there is one. */
export function withBias(weights: Weights, name: string, x: Tensor): Tensor {
  const bias = weights.find(`${name}.bias`);
  return bias === undefined ? x : add(x, bias.tensor);
}
