import type { FloatDType } from '../../../core/dtype.ts';
import { encode } from '../../../core/encoding.ts';
import { createRandom, type Random } from '../../../core/random.ts';
import { type OnnxInitializer, type OnnxModel, onnxValue, type Value } from '../../../graph/index.ts';
import { perturbed } from '../../certificate/floor.ts';

/** Gives initializers their values in float64; undefined means the tensor's own. */
export type Weights = (tensor: OnnxInitializer) => Value | undefined;

/** The weights as they are stored, those in other files from memory. */
export function storedWeights(external: ReadonlyMap<string, Uint8Array>): Weights {
  return (tensor) => {
    const data = external.get(tensor.name);
    return data === undefined
      ? undefined
      : onnxValue({ name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, data });
  };
}

/** Exact numbers where there are some, else the stored ones. */
export function exactWeights(exact: (name: string) => Float64Array | undefined, stored: Weights): Weights {
  return (tensor) => {
    const data = exact(tensor.name);
    if (data === undefined) return stored(tensor);
    return { dtype: 'float', shape: tensor.shape, data };
  };
}

/** The stored weights with ±½ ulp of uniform noise on those that are rewritten, of the type that they are rounded to. */
export function perturbedWeights(stored: Weights, rewritten: ReadonlyMap<string, FloatDType>, seed: number): Weights {
  const random = floorRandom(seed);
  return (tensor) => {
    const dtype = rewritten.get(tensor.name);
    if (dtype === undefined) return stored(tensor);
    return perturbed(ownValue(tensor, stored), dtype, random.split(tensor.name));
  };
}

/** The same as a model for an engine: in whole units of the source's own type, since it holds no halves. */
export function perturbedModel(
  model: OnnxModel,
  stored: Weights,
  rewritten: ReadonlyMap<string, FloatDType>,
  seed: number,
): OnnxModel {
  const random = floorRandom(seed);
  const initializers = model.graph.initializers.map((tensor): OnnxInitializer => {
    const dtype = rewritten.get(tensor.name);
    if (dtype === undefined) return tensor;
    const { data } = perturbed(ownValue(tensor, stored), dtype, random.split(tensor.name), true);
    return { name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, data: encode(data, tensor.dtype) };
  });
  return { ...model, graph: { ...model.graph, initializers } };
}

function floorRandom(seed: number): Random {
  return createRandom(seed).split('rounding floor');
}

function ownValue(tensor: OnnxInitializer, stored: Weights): Value {
  const value = stored(tensor);
  if (value !== undefined) return value;
  if ('external' in tensor) throw new Error(`convert: the bytes of ${tensor.name} were not read`);
  return onnxValue(tensor);
}
