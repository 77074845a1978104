/**
 * The small set of operations through which a norm says how it is computed on an engine.
 *
 * `T` stands for a value of whoever implements it (an ONNX value name, say). All values are floating-point tensors
 * `[..., width]`; binary operations broadcast as in NumPy. Norms know this interface and nothing else of the graph.
 */
export interface OpBuilder<T> {
  /** A scalar of the tensors' own dtype. */
  constant(value: number): T;
  /** `width` ones: the scale of a fused operator where the norm has no weight. */
  ones(width: number): T;
  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  mul(a: T, b: T): T;
  div(a: T, b: T): T;
  sqrt(x: T): T;
  reciprocal(x: T): T;
  tanh(x: T): T;
  /** Mean over the last axis, which stays with length 1. */
  mean(x: T): T;
  /** Sum over the last axis, which stays with length 1. */
  sum(x: T): T;
  /** Sum over every axis but the last: `[..., width]` to `[width]`. The gradient of a weight or bias. */
  sumRows(x: T): T;
  /** Sum over every axis: to `[1]`. The gradient of a scalar parameter. */
  sumAll(x: T): T;
  /** The entries `start` to `end` (exclusive) of the last axis. */
  slice(x: T, start: number, end: number): T;
  /** Appends `count` zeros on the last axis. */
  padEnd(x: T, count: number): T;
  /** One of the engine's fused operators, for instance `LayerNormalization`. */
  fused(call: FusedCall<T>): readonly T[];
}

export interface FusedCall<T> {
  /** The ONNX operator's name. */
  readonly opType: string;
  /** The ONNX domain; the default domain when it is left out. */
  readonly domain?: string;
  readonly inputs: readonly T[];
  readonly attributes: Readonly<Record<string, number | { readonly float: number }>>;
  /** How many of the operator's outputs are wanted, from the first. */
  readonly outputs: number;
}
