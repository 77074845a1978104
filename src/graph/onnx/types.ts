import type { DType } from '../../core/dtype.ts';
import type { Shape, StaticShape } from '../../core/shape.ts';

/** An ONNX model as plain data: what {@link encodeModel} writes and {@link decodeModel} reads. */
export interface OnnxModel {
  readonly irVersion: number;
  readonly producerName: string;
  /** The operator sets that the nodes are from; the default domain is the empty string. */
  readonly opsetImports: readonly OnnxOpset[];
  readonly graph: OnnxGraph;
  readonly metadata?: Readonly<Record<string, string>>;
  /** The file's own operators that its nodes call, directly or from another one of these. */
  readonly functions?: readonly OnnxFunction[];
}

/** An operator that a file defines by a graph of its own: nodes of its domain and name stand for these nodes. */
export interface OnnxFunction {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The attributes that a node gives, and what those are that it needn't give. */
  readonly attributes: readonly string[];
  readonly defaults: Readonly<Record<string, OnnxAttribute>>;
  readonly nodes: readonly OnnxNode[];
  readonly opsetImports: readonly OnnxOpset[];
}

export interface OnnxOpset {
  readonly domain: string;
  readonly version: number;
}

/** Nodes in an order in which every value is made before it is used. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers: readonly OnnxInitializer[];
  /** What the file says of the values in between, where it says it. */
  readonly valueInfos?: readonly OnnxValueInfo[];
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** One operator. An empty input or output name stands for an optional one that is left out. */
export interface OnnxNode {
  readonly opType: string;
  /** The default domain when it is left out. */
  readonly domain?: string;
  readonly name?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** Inside a function: attributes whose values the function's own attributes of these names are. */
  readonly attributeReferences?: Readonly<Record<string, string>>;
}

/** An attribute's value. Integers are int64 in the file and must be safe integers here. */
export type OnnxAttribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'tensor'; readonly value: OnnxTensor }
  | { readonly kind: 'graph'; readonly value: OnnxGraph }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] };

/** A tensor's values, inside the file: little-endian, row-major. `name` may be empty in attributes. */
export interface OnnxTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: StaticShape;
  readonly data: Uint8Array;
}

/** A tensor whose bytes are in another file, in the folder that the engine is given. */
export interface OnnxExternalTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: StaticShape;
  readonly external: {
    /** The file's path, relative to that folder. */
    readonly location: string;
    /** In bytes. */
    readonly offset: number;
    /** In bytes. */
    readonly length: number;
  };
}

export type OnnxInitializer = OnnxTensor | OnnxExternalTensor;
