import { byteSizes } from '../../core/dtype.ts';
import type { Dim } from '../../core/shape.ts';
import { formatShape, sizeOf } from '../../core/shape.ts';
import { onnxTypeCodes } from './dtypes.ts';
import {
  type AttributeProto,
  attributeTypes,
  type EntryProto,
  externalLocation,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type OpsetProto,
  type TensorProto,
  type ValueInfoProto,
  writeModelProto,
} from './schema.ts';
import type {
  OnnxAttribute,
  OnnxExternalTensor,
  OnnxFunction,
  OnnxGraph,
  OnnxInitializer,
  OnnxModel,
  OnnxNode,
  OnnxOpset,
  OnnxValueInfo,
} from './types.ts';

/** Protocol buffers can't hold more than this many bytes in one message. */
export const maxModelBytes = 2 ** 31 - 1;

/**
 * Writes a model as the bytes of an `.onnx` file.
 * @throws RangeError for an integer that isn't safe, for data that doesn't fill its shape, and above 2 GiB (which is
 *   what external initializers are for)
 */
export function encodeModel(model: OnnxModel): Uint8Array {
  const dataBytes = model.graph.initializers.reduce((sum, t) => sum + ('data' in t ? t.data.byteLength : 0), 0);
  if (dataBytes > maxModelBytes) {
    throw new RangeError(`onnx: ${dataBytes} bytes of initializers, an ONNX file holds 2 GiB. Make them external`);
  }
  return writeModelProto({
    irVersion: int64(model.irVersion, 'irVersion'),
    producerName: model.producerName,
    graph: encodeGraph(model.graph),
    opsetImport: encodeOpsets(model.opsetImports),
    metadataProps: entries(model.metadata ?? {}),
    ...(model.functions === undefined ? {} : { functions: model.functions.map(encodeFunction) }),
  });
}

function encodeFunction(definition: OnnxFunction): FunctionProto<number> {
  const { domain, name, inputs, outputs, attributes, defaults, nodes, opsetImports } = definition;
  return {
    domain,
    name,
    input: [...inputs],
    output: [...outputs],
    attribute: [...attributes],
    attributeProto: Object.entries(defaults).map(([key, attribute]) => encodeAttribute(key, attribute)),
    node: nodes.map(encodeNode),
    opsetImport: encodeOpsets(opsetImports),
  };
}

function encodeOpsets(opsets: readonly OnnxOpset[]): OpsetProto<number>[] {
  return opsets.map(({ domain, version }) => ({ domain, version: int64(version, 'opset') }));
}

function encodeGraph(graph: OnnxGraph): GraphProto<number> {
  return {
    name: graph.name,
    node: graph.nodes.map(encodeNode),
    initializer: graph.initializers.map(encodeTensor),
    input: graph.inputs.map(encodeValueInfo),
    output: graph.outputs.map(encodeValueInfo),
    ...(graph.valueInfos === undefined ? {} : { valueInfo: graph.valueInfos.map(encodeValueInfo) }),
  };
}

export function encodeNode(node: OnnxNode): NodeProto<number> {
  return {
    input: [...node.inputs],
    output: [...node.outputs],
    opType: node.opType,
    attribute: [
      ...Object.entries(node.attributes ?? {}).map(([name, attribute]) => encodeAttribute(name, attribute)),
      ...Object.entries(node.attributeReferences ?? {}).map(([name, refAttrName]) => ({ name, refAttrName })),
    ],
    ...(node.name === undefined ? {} : { name: node.name }),
    ...(node.domain === undefined ? {} : { domain: node.domain }),
  };
}

function encodeAttribute(name: string, attribute: OnnxAttribute): AttributeProto<number> {
  const where = `attribute ${name}`;
  const type = attributeTypes[attribute.kind];
  switch (attribute.kind) {
    case 'int':
      return { name, type, i: int64(attribute.value, where) };
    case 'float':
      return { name, type, f: attribute.value };
    case 'string':
      return { name, type, s: utf8(attribute.value) };
    case 'tensor':
      return { name, type, t: encodeTensor(attribute.value) };
    case 'graph':
      return { name, type, g: encodeGraph(attribute.value) };
    case 'ints':
      return { name, type, ints: attribute.value.map((value) => int64(value, where)) };
    case 'floats':
      return { name, type, floats: [...attribute.value] };
    case 'strings':
      return { name, type, strings: attribute.value.map(utf8) };
  }
}

/** The place of a tensor's bytes in another file, as `external_data` says it. */
export function encodePlace({ location, offset, length }: OnnxExternalTensor['external'], where: string): EntryProto[] {
  return entries({ location, offset: `${int64(offset, where)}`, length: `${int64(length, where)}` });
}

function encodeTensor(tensor: OnnxInitializer): TensorProto<number> {
  const where = `initializer ${tensor.name}`;
  const { name, dtype, shape } = tensor;
  const header = { name, dataType: onnxTypeCodes[dtype], dims: shape.map((dim) => int64(dim, where)) };
  const expected = sizeOf(shape) * byteSizes[dtype];
  const given = 'data' in tensor ? tensor.data.byteLength : tensor.external.length;
  if (given !== expected) {
    throw new RangeError(`onnx: ${where} has ${given} bytes, expected ${expected} for ${dtype} ${formatShape(shape)}`);
  }
  if ('data' in tensor) return { ...header, rawData: tensor.data };
  return { ...header, dataLocation: externalLocation, externalData: encodePlace(tensor.external, where) };
}

function encodeValueInfo({ name, dtype, shape }: OnnxValueInfo): ValueInfoProto<number> {
  const dim = shape.map((d: Dim) => (typeof d === 'string' ? { dimParam: d } : { dimValue: int64(d, name) }));
  return { name, type: { tensorType: { elemType: onnxTypeCodes[dtype], shape: { dim } } } };
}

function entries(record: Readonly<Record<string, string>>): EntryProto[] {
  return Object.entries(record).map(([key, value]) => ({ key, value }));
}

function int64(value: number, where: string): number {
  if (!Number.isSafeInteger(value)) throw new RangeError(`onnx: ${where} is ${value}, expected a safe integer`);
  return value;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
