import { InputError, messageOf } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import type { Dim } from '../../core/shape.ts';
import { dtypeOfCode, isKnownTypeCode } from './dtypes.ts';
import { safeInteger } from './safe-integer.ts';
import {
  type AttributeProto,
  attributeTypes,
  type EntryProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type OpsetProto,
  readModelProto,
  type ValueInfoProto,
} from './schema.ts';
import { decodeInitializer, decodeTensor } from './tensor.ts';
import type { OnnxAttribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode, OnnxOpset, OnnxValueInfo } from './types.ts';

/**
 * Reads the bytes of an `.onnx` file.
 *
 * Fields that normlab has no use for (documentation, training information) are skipped. Tensors' data
 * are views of `bytes` where the file stores them raw.
 * @param source names the file in errors
 * @throws InputError for bytes that aren't a model, and for parts that can't be skipped without changing what the model
 *   computes: sparse initializers, values that aren't dense tensors, shapes of unknown rank
 */
export function decodeModel(bytes: Uint8Array, source = 'onnx'): OnnxModel {
  const proto = parse(bytes, source);
  if (proto.graph === undefined || proto.opsetImport === undefined) {
    throw new InputError(`${source}: not an ONNX model: it has no ${proto.graph ? 'opset_import' : 'graph'}`);
  }
  const context: Context = { source, calls: new Set() };
  const graph = decodeGraph(proto.graph, context);
  const functions = decodeFunctions(proto.functions ?? [], context);
  const metadata = proto.metadataProps === undefined ? undefined : decodeEntries(proto.metadataProps);
  return {
    irVersion: safeInteger(proto.irVersion ?? 0, source),
    producerName: proto.producerName ?? '',
    opsetImports: decodeOpsets(proto.opsetImport, source),
    graph,
    ...(metadata === undefined ? {} : { metadata }),
    ...(functions.length === 0 ? {} : { functions }),
  };
}

function parse(bytes: Uint8Array, source: string): ModelProto<bigint> {
  try {
    return readModelProto(bytes);
  } catch (error) {
    throw new InputError(`${source}: not an ONNX model, or a truncated one: ${messageOf(error)}`, { cause: error });
  }
}

interface Context {
  /** Names the file in errors. */
  readonly source: string;
  /** Which operators the nodes that were decoded are of. */
  readonly calls: Set<string>;
}

/** A node's operator, as one string. */
const operatorOf = (domain: string | undefined, name: string | undefined) => JSON.stringify([domain ?? '', name ?? '']);

/** The functions that are called. Exporters leave others in their files, which nothing needs. */
function decodeFunctions(list: readonly FunctionProto<bigint>[], context: Context): readonly OnnxFunction[] {
  const decoded: OnnxFunction[] = [];
  const waiting = new Set(list);
  for (let found = true; found; ) {
    found = false;
    for (const proto of waiting) {
      if (!context.calls.has(operatorOf(proto.domain, proto.name))) continue;
      waiting.delete(proto);
      decoded.push(decodeFunction(proto, context));
      found = true;
    }
  }
  return decoded;
}

function decodeFunction(proto: FunctionProto<bigint>, context: Context): OnnxFunction {
  const source = `${context.source}: function ${quote(proto.name ?? '')}`;
  const inside = { ...context, source };
  return {
    domain: proto.domain ?? '',
    name: proto.name ?? '',
    inputs: proto.input ?? [],
    outputs: proto.output ?? [],
    attributes: proto.attribute ?? [],
    defaults: Object.fromEntries(
      (proto.attributeProto ?? []).map((a) => [a.name ?? '', decodeAttribute(a, source, inside)]),
    ),
    nodes: (proto.node ?? []).map((node) => decodeNode(node, inside)),
    opsetImports: decodeOpsets(proto.opsetImport ?? [], source),
  };
}

function decodeOpsets(list: readonly OpsetProto<bigint>[], source: string): readonly OnnxOpset[] {
  return list.map(({ domain, version }) => ({ domain: domain ?? '', version: safeInteger(version ?? 0, source) }));
}

function decodeGraph(graph: GraphProto<bigint>, context: Context): OnnxGraph {
  const { source } = context;
  const valueInfos = (graph.valueInfo ?? []).filter(isDescribed).map((info) => decodeValueInfo(info, source));
  if (graph.sparseInitializer !== undefined) {
    throw new InputError(`${source}: sparse initializers are not supported`);
  }
  return {
    name: graph.name ?? '',
    nodes: (graph.node ?? []).map((node) => decodeNode(node, context)),
    inputs: (graph.input ?? []).map((info) => decodeValueInfo(info, source)),
    outputs: (graph.output ?? []).map((info) => decodeValueInfo(info, source)),
    initializers: (graph.initializer ?? []).map((tensor) => decodeInitializer(tensor, source)),
    ...(valueInfos.length === 0 ? {} : { valueInfos }),
  };
}

function decodeNode(node: NodeProto<bigint>, context: Context): OnnxNode {
  const where = `${context.source}: node ${quote(node.name || node.output?.[0] || '')} (${quote(node.opType ?? '')})`;
  context.calls.add(operatorOf(node.domain, node.opType));
  const given = node.attribute?.filter(({ refAttrName }) => !refAttrName);
  const references = node.attribute?.filter(({ refAttrName }) => refAttrName) ?? [];
  const attributes = given?.map(
    (a) => [a.name ?? '', decodeAttribute(a, `${where}, attribute ${quote(a.name ?? '')}`, context)] as const,
  );
  return {
    opType: node.opType ?? '',
    inputs: node.input ?? [],
    outputs: node.output ?? [],
    ...(node.name === undefined ? {} : { name: node.name }),
    ...(node.domain === undefined ? {} : { domain: node.domain }),
    ...(attributes === undefined ? {} : { attributes: Object.fromEntries(attributes) }),
    ...(references.length === 0
      ? {}
      : { attributeReferences: Object.fromEntries(references.map((a) => [a.name ?? '', a.refAttrName ?? ''])) }),
  };
}

function decodeAttribute(attribute: AttributeProto<bigint>, where: string, context: Context): OnnxAttribute {
  switch (attribute.type) {
    case attributeTypes.int:
      return { kind: 'int', value: safeInteger(attribute.i ?? 0, where) };
    case attributeTypes.float:
      return { kind: 'float', value: attribute.f ?? 0 };
    case attributeTypes.string:
      return { kind: 'string', value: utf8(attribute.s ?? new Uint8Array(), where) };
    case attributeTypes.tensor:
      return { kind: 'tensor', value: decodeTensor(attribute.t ?? missing(where, 'tensor'), where) };
    case attributeTypes.graph:
      return {
        kind: 'graph',
        value: decodeGraph(attribute.g ?? missing(where, 'graph'), { ...context, source: where }),
      };
    case attributeTypes.ints:
      return { kind: 'ints', value: (attribute.ints ?? []).map((value) => safeInteger(value, where)) };
    case attributeTypes.floats:
      return { kind: 'floats', value: attribute.floats ?? [] };
    case attributeTypes.strings:
      return { kind: 'strings', value: (attribute.strings ?? []).map((value) => utf8(value, where)) };
    default:
      throw new InputError(`${where}: attribute type ${attribute.type ?? 0} of ONNX is not supported`);
  }
}

/** Inferred shapes are a courtesy: what isn't a tensor of a known type and rank says nothing. */
function isDescribed({ type }: ValueInfoProto<bigint>): boolean {
  return type?.tensorType?.shape !== undefined && isKnownTypeCode(type.tensorType.elemType);
}

function decodeValueInfo(info: ValueInfoProto<bigint>, source: string): OnnxValueInfo {
  const name = info.name ?? '';
  const where = `${source}: value ${quote(name)}`;
  const type = info.type?.tensorType ?? missing(where, 'tensor type');
  const shape = type.shape ?? missing(where, 'shape');
  return {
    name,
    dtype: dtypeOfCode(type.elemType, where),
    shape: (shape.dim ?? []).map(({ dimValue, dimParam }, axis) => decodeDim(dimValue, dimParam, name, axis, where)),
  };
}

/** A dimension that is neither a number nor named gets a name of its own: two unknown lengths needn't be equal. */
function decodeDim(
  value: bigint | undefined,
  symbol: string | undefined,
  name: string,
  axis: number,
  where: string,
): Dim {
  if (value !== undefined) return safeInteger(value, where);
  return symbol || `${name}.${axis}`;
}

function decodeEntries(list: readonly EntryProto[]): Record<string, string> {
  return Object.fromEntries(list.map(({ key, value }) => [key ?? '', value ?? '']));
}

function utf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new InputError(`${where}: expected UTF-8 text, got other bytes`, { cause: error });
  }
}

function missing(where: string, what: string): never {
  throw new InputError(`${where}: has no ${what}`);
}
