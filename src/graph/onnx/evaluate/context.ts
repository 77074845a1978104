import { InputError, RefusalError } from '../../../core/errors.ts';
import { quote } from '../../../core/quote.ts';
import { formatShape, sizeOf } from '../../../core/shape.ts';
import type { Value } from '../../tensor.ts';
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor } from '../types.ts';

/** An operator, or a version or mode of one, that the evaluator does not know: what asks for it can fall back. */
export class UnsupportedOpError extends RefusalError {
  readonly opType: string;
  /** The default domain is the empty string. */
  readonly domain: string;
  readonly version: number;

  constructor(node: Pick<OnnxNode, 'opType' | 'domain'>, version: number, detail = 'is not supported') {
    const domain = node.domain ?? '';
    const name = domain === '' ? node.opType : `${domain}.${node.opType}`;
    super(`onnx/evaluate: the operator ${quote(name)} of opset ${version} ${detail} in float64`);
    this.opType = node.opType;
    this.domain = domain;
    this.version = version;
  }
}

/** What an operator's evaluation is given. */
export interface OpContext {
  /** The version of the operator set that the model imports for the node's domain. */
  readonly version: number;
  readonly inputs: readonly (Value | undefined)[];
  /** How many outputs the node names, left out ones in between included. */
  readonly outputCount: number;
  /** An input that must be there. */
  input(index: number): Value;
  int(name: string, fallback: number): number;
  float(name: string, fallback: number): number;
  text(name: string, fallback: string): string;
  ints(name: string): readonly number[] | undefined;
  floats(name: string): readonly number[] | undefined;
  tensor(name: string): OnnxTensor | undefined;
  has(name: string): boolean;
  /** Returns a shape that is about to be allocated; throws InputError where memory would go beyond the limit. */
  sized(shape: readonly number[]): readonly number[];
  /** Computes the outputs of a subgraph, which sees the values around the node. */
  run(attribute: string, inputs: readonly Value[]): readonly Value[];
  /** The model is wrong. */
  fail(problem: string): never;
  /** The model is right but asks for what the operator's evaluation does not do. */
  unsupported(detail: string): never;
}

/** Computes a node's outputs in float64; one that is not asked for may be left out at the end. */
export type OpEvaluation = (op: OpContext) => readonly Value[];

export interface NodeSurroundings {
  readonly version: number;
  readonly inputs: readonly (Value | undefined)[];
  /** How many more elements may be held. */
  readonly freeElements: () => number;
  readonly run: (graph: OnnxGraph, inputs: readonly Value[]) => readonly Value[];
}

export function contextOf(node: OnnxNode, { version, inputs, freeElements, run }: NodeSurroundings): OpContext {
  const fail = (problem: string): never => {
    throw new InputError(`${describeNode(node)}: ${problem}`);
  };
  function attribute<K extends OnnxAttribute['kind']>(name: string, kind: K): AttributeOf<K> | undefined {
    const found = Object.hasOwn(node.attributes ?? {}, name) ? node.attributes?.[name] : undefined;
    if (found === undefined) return undefined;
    if (!isOfKind(found, kind)) return fail(`attribute ${quote(name)} is ${found.kind}, expected ${kind}`);
    return found;
  }
  return {
    version,
    inputs,
    outputCount: node.outputs.length,
    input: (index) => inputs[index] ?? fail(`has no input ${index}`),
    int: (name, fallback) => attribute(name, 'int')?.value ?? fallback,
    // The defaults in the specification are float32 numbers, as all attributes.
    float: (name, fallback) => attribute(name, 'float')?.value ?? Math.fround(fallback),
    text: (name, fallback) => attribute(name, 'string')?.value ?? fallback,
    ints: (name) => attribute(name, 'ints')?.value,
    floats: (name) => attribute(name, 'floats')?.value,
    tensor: (name) => attribute(name, 'tensor')?.value,
    has: (name) => Object.hasOwn(node.attributes ?? {}, name),
    sized(shape) {
      if (shape.some((length) => !Number.isSafeInteger(length) || length < 0)) {
        fail(`the shape ${formatShape(shape)} is no shape`);
      }
      // Each length by itself: beside a 0 they hold nothing, but lists of their indices do. Infinity is too much, too.
      const free = freeElements();
      if ([sizeOf(shape), ...shape].some((size) => !(size <= free))) {
        fail(`a value of the shape ${formatShape(shape)} would hold more than the ${free} elements left`);
      }
      return shape;
    },
    run: (name, values) => run(attribute(name, 'graph')?.value ?? fail(`has no subgraph ${quote(name)}`), values),
    fail,
    unsupported(detail) {
      throw new UnsupportedOpError(node, version, detail);
    },
  };
}

export function describeNode(node: OnnxNode): string {
  return `onnx/evaluate: node ${quote(node.name || node.outputs[0] || '')} (${quote(node.opType)})`;
}

type AttributeOf<K extends OnnxAttribute['kind']> = Extract<OnnxAttribute, { readonly kind: K }>;

function isOfKind<K extends OnnxAttribute['kind']>(attribute: OnnxAttribute, kind: K): attribute is AttributeOf<K> {
  return attribute.kind === kind;
}
