import type { DType } from '../core/dtype.ts';
import { formatShape, type Shape, sameShape } from '../core/shape.ts';
import { onnxTypeCodes } from './onnx/dtypes.ts';
import type { OnnxAttribute, OnnxInitializer, OnnxModel, OnnxNode, OnnxValueInfo } from './onnx/index.ts';
import {
  at,
  type ElementType,
  type EmitAttribute,
  type EmitContext,
  formatTypes,
  type Tensor,
  type TensorType,
  type Value,
} from './tensor.ts';
import { leavesOf, topologicalOrder } from './traverse.ts';

/** The ONNX operator sets that models can be written for, and the first version of the file format that has each. */
const irVersions = new Map([
  [20, 9],
  [21, 10],
  [22, 10],
  [23, 11],
]);

/** The operator sets that models can be written for, the oldest first. It is the first with Gelu, the newest the first with RMSNormalization. */
export const opsets: readonly number[] = [...irVersions.keys()];

/** The operator set that models are written for unless another is asked for. */
export const opset = 23;

export interface EmitOptions {
  /** What floats are on the engine; default float32. */
  readonly floatType?: 'float32' | 'float64';
  /** Parameters that are stored in the model (or beside it) by name; the others become inputs of the model. */
  readonly initializers?: ReadonlyMap<string, OnnxInitializer>;
  /**
   * Writes the product with a transposed factor as ONNX Runtime's FusedMatMul, which not every provider has, instead of
   * Transpose and MatMul: the engine computes the transpose of an initializer once and holds both. Default false.
   */
  readonly fusedTransposes?: boolean;
  /** One of `opsets`. */
  readonly opset?: number;
  /**
   * Writes RMSNorms as RMSNormalization, which is an operator of ONNX's own from operator set 23 on, instead of
   * SimplifiedLayerNormalization, which is one of ONNX Runtime's and gives row statistics too. Default false.
   */
  readonly standardNorms?: boolean;
}

/**
 * Writes tensors as an ONNX model whose outputs have the given names.
 *
 * The model's inputs are the graph's inputs and those parameters that have no initializer. The same graph gives the same
 * model, byte for byte. Throws a RangeError where an output has the name of an input or parameter, where two of these
 * with one name differ in type, where an initializer has another shape than its parameter, and for an operator set
 * that lacks what is wanted.
 */
export function emitOnnx(outputs: Readonly<Record<string, Tensor>>, options: EmitOptions = {}): OnnxModel {
  const floatType = options.floatType ?? 'float32';
  const wanted = Object.entries(outputs);
  const tensors = wanted.map(([, tensor]) => tensor);
  const leaves = leavesOf(tensors);
  const given = givenTypes(leaves);
  for (const name of Object.keys(outputs)) {
    if (given.has(name)) throw new RangeError(`graph/emit: an output and an input are both named ${name}; rename one`);
  }
  const taken = new Set([...given.keys(), ...Object.keys(outputs)]);
  const version = options.opset ?? opset;
  const irVersion = irVersions.get(version);
  if (irVersion === undefined || (options.standardNorms && version < 23)) {
    throw new RangeError(
      `graph/emit: operator set ${version} is not written${irVersion === undefined ? '' : ' with standard norms'}`,
    );
  }
  const { fusedTransposes = false, standardNorms = false } = options;
  const writer = createWriter({ floatType, fusedTransposes, standardNorms }, taken);
  const inputs: OnnxValueInfo[] = [];
  const givenNames = new Map<string, string>();
  for (const [name, type] of given) {
    const initializer = options.initializers?.get(name);
    if (initializer === undefined) {
      inputs.push({ name, ...onnxType(type, floatType) });
      for (const [axis, dim] of type.shape.entries()) if (typeof dim === 'string') writer.bindSymbol(dim, name, axis);
    }
    givenNames.set(name, initializer === undefined ? name : writer.initializer(initializer, name, type));
  }
  const names = new Map<Tensor, string>();
  for (const leaf of leaves) {
    if (leaf.origin.kind === 'constant') names.set(leaf, writer.constant(leaf.origin.value));
    else if (leaf.origin.kind !== 'node') names.set(leaf, givenNames.get(leaf.origin.name) ?? leaf.origin.name);
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
    irVersion,
    producerName: 'normlab',
    opsetImports: [
      { domain: '', version },
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

/** The types of inputs and parameters by name, in the order in which they are first met. */
function givenTypes(leaves: readonly Tensor[]): ReadonlyMap<string, TensorType> {
  const types = new Map<string, TensorType>();
  for (const leaf of leaves) {
    if (leaf.origin.kind === 'constant' || leaf.origin.kind === 'node') continue;
    const { name } = leaf.origin;
    const known = types.get(name);
    if (known !== undefined && (known.dtype !== leaf.dtype || !sameShape(known.shape, leaf.shape))) {
      throw new RangeError(`graph/emit: ${name} is used as ${formatTypes([known])} and as ${formatTypes([leaf])}`);
    }
    types.set(name, leaf);
  }
  return types;
}

function onnxType(tensor: TensorType, floatType: 'float32' | 'float64'): { dtype: DType; shape: Shape } {
  return { dtype: engineDType(tensor.dtype, floatType), shape: tensor.shape };
}

function engineDType(dtype: ElementType, floatType: 'float32' | 'float64') {
  return dtype === 'float' ? floatType : dtype === 'int' ? 'int64' : 'bool';
}

function nameOf(names: ReadonlyMap<Tensor, string>, tensor: Tensor): string {
  const name = names.get(tensor);
  if (name === undefined) throw new Error('graph/emit: a tensor was read before it was written');
  return name;
}

type WriterOptions = Pick<EmitContext, 'floatType' | 'fusedTransposes' | 'standardNorms'>;

function createWriter(options: WriterOptions, taken: ReadonlySet<string>) {
  const { floatType } = options;
  const nodes: OnnxNode[] = [];
  const initializers: OnnxInitializer[] = [];
  const known = new Map<string, { readonly name: string; readonly data: Uint8Array }[]>();
  const symbols = new Map<string, { readonly input: string; readonly axis: number }>();
  let count = 0;
  const fresh = (prefix: string): string => {
    const name = `${prefix}_${count++}`;
    return taken.has(name) ? fresh(prefix) : name;
  };

  /** Stores a constant once, however often it is asked for. */
  const constant = (value: Value): string => {
    const dtype = engineDType(value.dtype, floatType);
    const data = encode(value.data, dtype);
    const key = `${dtype} ${value.shape.join()}`;
    const alike = known.get(key) ?? [];
    const existing = alike.find((other) => sameBytes(other.data, data));
    if (existing !== undefined) return existing.name;
    const name = fresh('constant');
    initializers.push({ name, dtype, shape: value.shape, data });
    known.set(key, [...alike, { name, data }]);
    return name;
  };

  const context: EmitContext = {
    ...options,
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

  const lengths = new Map<string, string>();
  const symbolLength = (symbol: string): string => {
    const source = symbols.get(symbol);
    if (source === undefined) throw new RangeError(`graph/emit: no input has the dimension ${symbol}`);
    const length =
      lengths.get(symbol) ?? context.add('Shape', [source.input], { start: source.axis, end: source.axis + 1 })[0];
    lengths.set(symbol, length);
    return length;
  };

  return {
    nodes,
    initializers,
    context,
    constant,
    /** Adds stored data; where they are stored in another dtype or layout than the graph wants, a node adapts them. */
    initializer(stored: OnnxInitializer, name: string, type: TensorType): string {
      if (!sameShape(stored.shape, type.shape)) {
        throw new RangeError(
          `graph/emit: ${name} is stored as ${formatShape(stored.shape)}, the graph wants ${formatShape(type.shape)}`,
        );
      }
      initializers.push({ ...stored, name });
      const dtype = engineDType(type.dtype, floatType);
      return stored.dtype === dtype ? name : context.add('Cast', [name], { to: onnxTypeCodes[dtype] })[0];
    },
    bindSymbol(symbol: string, input: string, axis: number): void {
      if (!symbols.has(symbol)) symbols.set(symbol, { input, axis });
    },
    identity(from: string, to: string): void {
      nodes.push({ opType: 'Identity', inputs: [from], outputs: [to], name: `output_${to}` });
    },
  };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
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
