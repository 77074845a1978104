import type { DType } from '../core/dtype.ts';
import { type Shape, sameShape } from '../core/shape.ts';
import type { OnnxAttribute, OnnxInitializer, OnnxModel, OnnxNode, OnnxValueInfo } from './onnx/index.ts';
import { at, type ElementType, type EmitAttribute, type EmitContext, type Tensor, type Value } from './tensor.ts';
import { leavesOf, topologicalOrder } from './traverse.ts';

/** The ONNX operator set that models are written for; 23 is the first with RMSNormalization. */
export const opset = 23;

export interface EmitOptions {
  /** What floats are on the engine; default float32. */
  readonly floatType?: 'float32' | 'float64';
  /** Parameters that are stored in the model (or beside it) by name; the others become inputs of the model. */
  readonly initializers?: ReadonlyMap<string, OnnxInitializer>;
}

/**
 * Writes tensors as an ONNX model whose outputs have the given names.
 *
 * The model's inputs are the graph's inputs and those parameters that have no initializer.
 */
export function emitOnnx(outputs: Readonly<Record<string, Tensor>>, options: EmitOptions = {}): OnnxModel {
  const floatType = options.floatType ?? 'float32';
  const wanted = Object.entries(outputs);
  const tensors = wanted.map(([, tensor]) => tensor);
  const writer = createWriter(floatType);
  const names = new Map<Tensor, string>();
  const inputs: OnnxValueInfo[] = [];

  for (const leaf of leavesOf(tensors)) {
    if (leaf.origin.kind === 'constant') {
      names.set(leaf, writer.constant(leaf.origin.value));
      continue;
    }
    if (leaf.origin.kind === 'node') throw new Error('graph/emit: a node is no leaf');
    const { name } = leaf.origin;
    const initializer = options.initializers?.get(name);
    names.set(leaf, name);
    if (initializer === undefined) {
      if (!inputs.some((known) => known.name === name)) inputs.push({ name, ...onnxType(leaf, floatType) });
    } else {
      names.set(leaf, writer.initializer(initializer, leaf.shape));
    }
    for (const [axis, dim] of leaf.shape.entries()) if (typeof dim === 'string') writer.bindSymbol(dim, name, axis);
  }

  for (const node of topologicalOrder(tensors)) {
    const emitted = node.rules.emit(
      writer.context,
      node.inputs.map((tensor) => nameOf(names, tensor)),
    );
    for (const [i, output] of node.outputs.entries()) {
      const name = emitted[i];
      if (name !== undefined) names.set(output, name);
    }
  }

  // Identity gives an output its name whatever it is; the engine removes it.
  for (const [name, tensor] of wanted) writer.identity(nameOf(names, tensor), name);
  return {
    irVersion: 11,
    producerName: 'normlab',
    opsetImports: [
      { domain: '', version: opset },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'normlab',
      nodes: writer.nodes,
      inputs,
      outputs: wanted.map(([name, tensor]) => ({ name, ...onnxType(tensor, floatType) })),
      initializers: writer.initializers,
    },
  };
}

function onnxType(tensor: Tensor, floatType: 'float32' | 'float64'): { dtype: DType; shape: Shape } {
  return { dtype: onnxDType(tensor.dtype, floatType), shape: tensor.shape };
}

function onnxDType(dtype: ElementType, floatType: 'float32' | 'float64'): DType {
  return dtype === 'float' ? floatType : dtype === 'int' ? 'int64' : 'bool';
}

function nameOf(names: ReadonlyMap<Tensor, string>, tensor: Tensor): string {
  const name = names.get(tensor);
  if (name === undefined) throw new Error('graph/emit: a tensor was read before it was written');
  return name;
}

function createWriter(floatType: 'float32' | 'float64') {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxInitializer[] = [];
  const known = new Map<string, string>();
  const symbols = new Map<string, { readonly input: string; readonly axis: number }>();
  let count = 0;
  const fresh = (prefix: string) => `${prefix}_${count++}`;

  /** Stores a constant once, however often it is asked for. */
  const constant = (value: Value): string => {
    const dtype = onnxDType(value.dtype, floatType);
    const key =
      value.data.length > 64 ? undefined : `${dtype}|${value.shape.join()}|${[...value.data].map(keyOf).join()}`;
    const existing = key === undefined ? undefined : known.get(key);
    if (existing !== undefined) return existing;
    const name = fresh('constant');
    initializers.push({ name, dtype, shape: value.shape, data: encode(value.data, dtype) });
    if (key !== undefined) known.set(key, name);
    return name;
  };

  const context: EmitContext = {
    floatType,
    add(opType, inputs, attributes = {}, { domain, outputs = 1 } = {}) {
      const names = Array.from({ length: outputs }, () => fresh(opType.toLowerCase()));
      nodes.push({
        opType,
        inputs: [...inputs],
        outputs: names,
        name: `${opType}_${nodes.length}`,
        attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, onnxAttribute(value)])),
        ...(domain === undefined ? {} : { domain }),
      });
      return [at(names, 0, opType), ...names.slice(1)];
    },
    scalar: (value) => constant({ dtype: 'float', shape: [], data: Float64Array.of(value) }),
    vector: (values) => constant({ dtype: 'float', shape: [values.length], data: Float64Array.from(values) }),
    ints: (values) => constant({ dtype: 'int', shape: [values.length], data: Float64Array.from(values) }),
    int: (value) => constant({ dtype: 'int', shape: [], data: Float64Array.of(value) }),
    shape(shape) {
      if (shape.every((dim) => typeof dim === 'number')) return context.ints(shape.map(Number));
      const parts = shape.map((dim) => (typeof dim === 'number' ? context.ints([dim]) : symbolLength(dim)));
      return context.add('Concat', parts, { axis: 0 })[0];
    },
  };

  const symbolLength = (symbol: string): string => {
    const source = symbols.get(symbol);
    if (source === undefined) throw new Error(`graph/emit: no input has the dimension ${symbol}`);
    return context.add('Shape', [source.input], { start: source.axis, end: source.axis + 1 })[0];
  };

  return {
    nodes,
    initializers,
    context,
    constant,
    /** Adds stored data; where they are stored in another dtype or layout than the graph wants, a node adapts them. */
    initializer(stored: OnnxInitializer, shape: Shape): string {
      if (!sameShape(stored.shape, shape)) {
        throw new RangeError(
          `graph/emit: ${stored.name} is stored as [${stored.shape.join(', ')}], the graph wants [${shape.join(', ')}]`,
        );
      }
      initializers.push(stored);
      if (stored.dtype === floatType) return stored.name;
      return context.add('Cast', [stored.name], { to: floatType === 'float32' ? 1 : 11 })[0];
    },
    bindSymbol(symbol: string, input: string, axis: number): void {
      if (!symbols.has(symbol)) symbols.set(symbol, { input, axis });
    },
    identity(from: string, to: string): void {
      nodes.push({ opType: 'Identity', inputs: [from], outputs: [to], name: `output_${to}` });
    },
  };
}

function keyOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function onnxAttribute(value: EmitAttribute): OnnxAttribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if ('float' in value) return { kind: 'float', value: value.float };
  if ('text' in value) return { kind: 'string', value: value.text };
  return { kind: 'ints', value };
}

function encode(data: Float64Array, dtype: DType): Uint8Array {
  const bytes = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  switch (dtype) {
    case 'float64':
      return bytes(data);
    case 'float32':
      return bytes(Float32Array.from(data));
    case 'int64':
      return bytes(BigInt64Array.from(data, (value) => BigInt(value)));
    case 'bool':
      return Uint8Array.from(data);
    default:
      throw new Error(`graph/emit: constants of ${dtype} are not written`);
  }
}
