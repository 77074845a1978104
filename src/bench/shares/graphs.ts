import {
  add,
  emitOnnx,
  encodeModel,
  gather,
  input,
  matmul,
  norm,
  type OnnxExternalTensor,
  parameter,
  slice,
  type Tensor,
} from '../../graph/index.ts';
import { buildDecoder } from '../../models/index.ts';
import type { NormKind } from '../../norms/index.ts';
import { blockSpec, type GptSize, inOutStorage } from './sizes.ts';

/** What one forward pass works on. */
export interface PassShape {
  readonly batch: number;
  readonly tokens: number;
  /** Rows of the embedding's table. */
  readonly embeddingRows: number;
  /** The columns of the head that are measured. */
  readonly headColumns: number;
}

/** One measured part of a model: a graph that returns a few numbers, so that no large tensor leaves the engine. */
export interface PartGraph {
  readonly output: Tensor;
  /** The shape of its input: `input_ids`, or the stream `x`. */
  readonly input: { readonly name: 'input_ids' | 'x'; readonly shape: readonly number[] };
  /** The shapes of its weights by name. */
  readonly weights: ReadonlyMap<string, readonly number[]>;
}

/** Token and position embeddings, added: `input_ids` `[batch, tokens]` to the first row of the stream. */
export function embeddingGraph(size: GptSize, pass: PassShape): PartGraph {
  const weights = new Map([
    ['embedding.token.weight', [pass.embeddingRows, size.hiddenSize]],
    ['embedding.position.weight', [pass.tokens, size.hiddenSize]],
  ]);
  const weight = weightsOf(weights);
  const ids = input('input_ids', 'int', [pass.batch, pass.tokens]);
  const sum = add(gather(weight('embedding.token.weight'), ids), weight('embedding.position.weight'));
  return { output: firstRow(sum), input: idsOf(pass), weights };
}

/** The embeddings and one block after them. */
export function blockGraph(size: GptSize, kind: NormKind, pass: PassShape): PartGraph {
  const spec = blockSpec(size, kind, pass.tokens, pass.embeddingRows);
  const decoder = buildDecoder(spec, { batch: pass.batch, sequence: pass.tokens, storage: inOutStorage(spec) });
  const weights = [...decoder.parameters].filter(([name]) => !name.startsWith('head'));
  return {
    output: firstRow(decoder.lastBlockOut),
    input: idsOf(pass),
    weights: new Map(weights.map(([name, { shape }]) => [name, shape.map(Number)])),
  };
}

/** The final norm alone, on the stream `x` `[batch, tokens, hidden]`. */
export function finalNormGraph(size: GptSize, kind: NormKind, pass: PassShape): PartGraph {
  const width = kind.id === 'crmsnorm' ? size.hiddenSize - 1 : size.hiddenSize;
  const weights = new Map(kind.parameters.map(({ name, shape }) => [name, shape === 'vector' ? [width] : [1]]));
  const shape = [pass.batch, pass.tokens, width];
  const parameters = kind.parameters.map(({ name }) => weightsOf(weights)(name));
  const output = firstRow(norm(kind, input('x', 'float', shape), parameters));
  return { output, input: { name: 'x', shape }, weights };
}

/** A slice of the head: the stream `x` `[batch, tokens, hidden]` to the logits of `headColumns` symbols. */
export function headGraph(size: GptSize, pass: PassShape): PartGraph {
  const weights = new Map([['head.weight', [size.hiddenSize, pass.headColumns]]]);
  const shape = [pass.batch, pass.tokens, size.hiddenSize];
  const output = firstRow(matmul(input('x', 'float', shape), weightsOf(weights)('head.weight')));
  return { output, input: { name: 'x', shape }, weights };
}

/** The model of a part, with its weights where `weights` says. */
export function encodePart({ output }: PartGraph, weights: ReadonlyMap<string, OnnxExternalTensor>): Uint8Array {
  return encodeModel(emitOnnx({ output }, { initializers: weights }));
}

function idsOf({ batch, tokens }: PassShape): PartGraph['input'] {
  return { name: 'input_ids', shape: [batch, tokens] };
}

function firstRow(x: Tensor): Tensor {
  return slice(slice(x, 0, 0, 1), 1, 0, 1);
}

function weightsOf(shapes: ReadonlyMap<string, readonly number[]>): (name: string) => Tensor {
  return (name) => {
    const shape = shapes.get(name);
    if (shape === undefined) throw new Error(`bench: no weight ${name}`);
    return parameter(name, shape);
  };
}
