import type { Dim } from '../core/shape.ts';
import { add, matmul, norm, parameter, type Tensor } from '../graph/index.ts';
import { decoderParameters } from './layout.ts';
import { type DecoderSpec, kindOf, type NormSpec } from './spec.ts';

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

/** A norm with the parameters of that name. */
export function applyNorm(weights: Weights, spec: NormSpec, name: string, x: Tensor): Tensor {
  const kind = kindOf(spec);
  const parameters = kind.parameters.map((entry) => weights.get(`${name}.${entry.name}`).tensor);
  return norm(kind, x, parameters, spec.epsilon);
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
