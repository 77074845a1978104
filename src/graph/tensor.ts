import { formatShape, type Shape, sizeOf } from '../core/shape.ts';

/**
 * What a tensor's elements are. How wide they are is decided when the graph runs: the evaluator computes floats in
 * float64, an engine in the dtype that its model was emitted for; `int` is int64.
 */
export type ElementType = 'float' | 'int' | 'bool';

export interface TensorType {
  readonly dtype: ElementType;
  readonly shape: Shape;
}

/** A value of the graph that is known while it is built. Data lie in row-major order. */
export interface Tensor extends TensorType {
  readonly origin: Origin;
}

/** Where a tensor comes from. */
export type Origin =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'constant'; readonly value: Value }
  | { readonly kind: 'node'; readonly node: Node; readonly output: number };

/** One application of an op. Its rules have the attributes bound in, so that nobody else needs to know their type. */
export interface Node {
  readonly op: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly rules: NodeRules;
}

export interface NodeRules {
  evaluate(inputs: readonly Value[], bindings: Bindings): readonly Value[];
  /** One gradient for each input, or null for an input that has none. */
  gradient(outputGradients: readonly (Tensor | null)[]): readonly (Tensor | null)[];
  /** Emits ONNX nodes and returns the names of the outputs. */
  emit(context: EmitContext, inputs: readonly string[]): readonly string[];
}

/** A concrete value. Integers and booleans are held as float64 too: they are exact up to 2^53. */
export interface Value {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** What the symbols of the shapes stand for in one run. */
export type Bindings = ReadonlyMap<string, number>;

/** What an op's emission may ask of the ONNX graph that is being written. */
export interface EmitContext {
  /** Adds a node and returns its outputs' names. Attributes that are integers are written as such; wrap floats. */
  add(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, EmitAttribute>>,
    options?: { readonly domain?: string; readonly outputs?: number },
  ): readonly [string, ...string[]];
  /** A scalar of the float dtype of this emission. */
  scalar(value: number): string;
  /** A float vector. */
  vector(values: readonly number[]): string;
  /** An int64 vector. */
  ints(values: readonly number[]): string;
  /** An int64 scalar. */
  int(value: number): string;
  /** The int64 vector that a shape stands for when the graph runs, with its symbols looked up. */
  shape(shape: Shape): string;
  /** The float dtype of this emission. */
  readonly floatType: 'float32' | 'float64';
  /** Whether a matrix product that takes a factor transposed may be one node of ONNX Runtime's own. */
  readonly fusedTransposes: boolean;
  /** Whether RMSNorms are written as ONNX's own operator instead of ONNX Runtime's. */
  readonly standardNorms: boolean;
}

export type EmitAttribute = number | readonly number[] | { readonly float: number } | { readonly text: string };

/** The one place that defines an op: its shape rule, its float64 evaluation, its gradient and its ONNX form. */
export interface Op<A> {
  readonly name: string;
  /** The types of the outputs; throws when the inputs don't fit, naming the shapes. */
  infer(inputs: readonly TensorType[], attributes: A): readonly TensorType[];
  evaluate(inputs: readonly Value[], attributes: A, bindings: Bindings): readonly Value[];
  /** Missing for ops that are not differentiated: those with integer outputs, and gradients themselves. */
  gradient?(context: GradientContext<A>): readonly (Tensor | null)[];
  emit(context: EmitContext, inputs: readonly string[], attributes: A, types: EmitTypes): readonly string[];
}

export interface EmitTypes {
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
}

export interface GradientContext<A> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly outputGradients: readonly (Tensor | null)[];
  readonly attributes: A;
}

/** `float [2, 3], int [2]`, as messages print what an op was given. */
export function formatTypes(types: readonly (TensorType | undefined)[]): string {
  return types.map((type) => (type ? `${type.dtype} ${formatShape(type.shape)}` : 'nothing')).join(', ') || 'nothing';
}

/** Applies an op. The outputs' types follow from its shape rule. */
export function apply<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): readonly Tensor[] {
  const types = op.infer(inputs, attributes);
  const outputs: Tensor[] = [];
  const node: Node = {
    op: op.name,
    inputs,
    outputs,
    rules: {
      evaluate: (values, bindings) => op.evaluate(values, attributes, bindings),
      gradient(outputGradients) {
        if (op.gradient === undefined) throw new RangeError(`graph/gradients: the op ${op.name} has no gradient rule`);
        return op.gradient({ inputs, outputs, outputGradients, attributes });
      },
      emit: (context, names) => op.emit(context, names, attributes, { inputs, outputs: types }),
    },
  };
  for (const [output, type] of types.entries()) {
    outputs.push({ dtype: type.dtype, shape: type.shape, origin: { kind: 'node', node, output } });
  }
  return outputs;
}

/** Applies an op that has one output. */
export function applySingle<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  return at(apply(op, inputs, attributes), 0, op.name);
}

/** A value that is given when the graph runs. */
export function input(name: string, dtype: ElementType, shape: Shape): Tensor {
  return { dtype, shape, origin: { kind: 'input', name } };
}

/** A trained float tensor. Its data are given when the graph is emitted or evaluated. */
export function parameter(name: string, shape: Shape): Tensor {
  return { dtype: 'float', shape, origin: { kind: 'parameter', name } };
}

/** A tensor whose data are known now. A single number is a scalar. */
export function constant(
  data: number | ArrayLike<number>,
  shape: readonly number[] = typeof data === 'number' ? [] : [data.length],
  dtype: ElementType = 'float',
): Tensor {
  const value = makeValue(dtype, shape, typeof data === 'number' ? [data] : data);
  return { dtype, shape, origin: { kind: 'constant', value } };
}

/** A value with its data checked against its shape. */
export function makeValue(dtype: ElementType, shape: readonly number[], data: ArrayLike<number>): Value {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`graph: ${data.length} entries given for the shape ${formatShape(shape)}`);
  }
  return { dtype, shape, data: data instanceof Float64Array ? data : Float64Array.from(data) };
}

/** `list[index]`, or a bug. */
export function at<T>(list: ArrayLike<T>, index: number, what: string): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`graph: ${what} has no entry ${index} (it has ${list.length})`);
  return item;
}

/** A negative axis counts from the end. */
export function normalizeAxis(axis: number, rank: number, what: string): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= rank) {
    throw new RangeError(`graph/${what}: axis ${axis} is out of range for a tensor of rank ${rank}`);
  }
  return normalized;
}
