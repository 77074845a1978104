import {
  concat,
  constant,
  emitOnnx,
  input,
  mul,
  norm,
  type OnnxInitializer,
  type OnnxModel,
  parameter,
  reshape,
  slice,
  type Tensor,
} from '../../graph/index.ts';
import { initialValue, type NormKind, normKind } from '../../norms/index.ts';
import { bytesOf, ordinaryNumbers } from '../data.ts';

export const directions = ['forward', 'backward'] as const;
export type Direction = (typeof directions)[number];

export interface NormShape {
  readonly rows: number;
  /** The model's hidden size d. */
  readonly width: number;
}

/** The width of the tensor that a norm works on in a model of hidden size `width`: CRMSNorm's is one less. */
export function tensorWidth(kind: NormKind, width: number): number {
  return kind.id === 'crmsnorm' ? width - 1 : width;
}

/**
 * A model that applies a norm `length` times, each to what the one before gave, and returns one row.
 *
 * Forward: xᵢ₊₁ = N(xᵢ), from an input `x0` `[rows, width]`. Backward: dyᵢ₊₁ = ∂N(xᵢ)ᵀ dyᵢ, from `dy` and an `xᵢ` for each
 * application: what two of them share, the engine would compute once. Every parameter's gradient is among the outputs, or
 * the engine would not compute it. Nothing of the size of `x` leaves the engine. At mean squares of 1 the numbers keep
 * their size.
 */
export function normChain(kind: NormKind, direction: Direction, { rows, width }: NormShape, length: number): OnnxModel {
  const columns = tensorWidth(kind, width);
  const shape = [rows, columns];
  const initializers = new Map<string, OnnxInitializer>();
  const parameters = kind.parameters.map((entry) => {
    const size = entry.shape === 'vector' ? [columns] : [1];
    const data = bytesOf(ordinaryNumbers(size[0] ?? 1, 0.1, initialValue(entry, columns)));
    initializers.set(entry.name, { name: entry.name, dtype: 'float32', shape: size, data });
    return parameter(entry.name, size);
  });
  if (direction === 'forward') {
    let x = input('x0', 'float', shape);
    for (let i = 0; i < length; i++) x = norm(kind, x, parameters);
    return emitOnnx({ row: slice(x, 0, 0, 1) }, { initializers });
  }
  let dy = input('dy', 'float', shape);
  const ofParameters: Tensor[] = [];
  for (let i = 0; i < length; i++) {
    const [dx, ...gradients] = normGradients(kind, input(`x${i}`, 'float', shape), dy, parameters);
    ofParameters.push(...gradients);
    dy = dx;
  }
  const flat = [slice(dy, 0, 0, 1), ...ofParameters].map((tensor) => reshape(tensor, [elements(tensor)]));
  return emitOnnx({ row: flat.length === 1 && flat[0] !== undefined ? flat[0] : concat(flat, 0) }, { initializers });
}

/** A model that computes nothing, with the inputs of a chain: what it takes is the cost of a call. */
export function emptyChain(direction: Direction, shape: NormShape, length: number): OnnxModel {
  const none = normKind('none');
  const model = normChain(none, direction, shape, length);
  const [like] = model.graph.inputs;
  if (direction === 'forward' || like === undefined) return model;
  const inputs = Array.from({ length }, (_, i) => ({ ...like, name: `x${i}` }));
  return { ...model, graph: { ...model.graph, inputs: [like, ...inputs] } };
}

/** The gradients of a norm by `x` and by its parameters for the upstream gradient `dy`. */
function normGradients(
  kind: NormKind,
  x: Tensor,
  dy: Tensor,
  parameters: readonly Tensor[],
): readonly [Tensor, ...Tensor[]] {
  const { origin } = norm(kind, x, parameters);
  if (kind.id === 'none' || origin.kind !== 'node') return [dy];
  const [dx, ...rest] = origin.node.rules.gradient([dy]);
  if (!dx) throw new Error(`bench: ${kind.id} gave no gradient`);
  return [dx, ...rest.filter((gradient) => gradient !== null)];
}

function elements({ shape }: Tensor): number {
  return shape.reduce<number>((product, dim) => product * Number(dim), 1);
}

/** A model that reads and writes a tensor `length` times, by a multiplication with a constant that the engine can't remove. */
export function scaleChain(shape: NormShape, length: number): OnnxModel {
  let x = input('x0', 'float', [shape.rows, shape.width]);
  for (let i = 0; i < length; i++) x = mul(x, constant(-1));
  return emitOnnx({ row: slice(x, 0, 0, 1) });
}

/** The operators that one application of a norm is written as, in order; where there is one, it is fused in the engine. */
export function loweringOf(kind: NormKind, direction: Direction): readonly string[] {
  const columns = tensorWidth(kind, 8);
  const x = input('x', 'float', [2, columns]);
  const parameters = kind.parameters.map(({ name, shape }) => parameter(name, shape === 'vector' ? [columns] : [1]));
  const results =
    direction === 'forward'
      ? [norm(kind, x, parameters)]
      : normGradients(kind, x, input('dy', 'float', [2, columns]), parameters);
  const { nodes } = emitOnnx(Object.fromEntries(results.map((result, i) => [`result${i}`, result]))).graph;
  return nodes.map(({ opType }) => opType).filter((opType) => opType !== 'Identity');
}
