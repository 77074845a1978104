import { InputError, messageOf } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import type { Dim } from '../../core/shape.ts';
import { dtypeOfCode, isKnownTypeCode } from './dtypes.ts';
import { safeInteger } from './safe-integer.ts';
import {
  type AttributeProto,
  attributeTypes,
  type EntryProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  readModelProto,
  type ValueInfoProto,
} from './schema.ts';
import { decodeInitializer, decodeTensor } from './tensor.ts';
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxValueInfo } from './types.ts';

/**
 * Reads the bytes of an `.onnx` file.
 *
 * Fields that normlab has no use for (documentation, training information) are skipped. Tensors' data
 * are views of `bytes` where the file stores them raw.
 * @param source names the file in errors
 * @throws InputError for bytes that aren't a model, and for parts that can't be skipped without changing what the model
 *   computes: functions that a node calls, sparse initializers, values that aren't dense tensors, shapes of unknown rank
 */
export function decodeModel(bytes: Uint8Array, source = 'onnx'): OnnxModel {
  const proto = parse(bytes, source);
  if (proto.graph === undefined || proto.opsetImport === undefined) {
    throw new InputError(`${source}: not an ONNX model: it has no ${proto.graph ? 'opset_import' : 'graph'}`);
  }
  const functions = new Set((proto.functions ?? []).map(({ domain, name }) => functionKey(domain, name)));
  const metadata = proto.metadataProps === undefined ? undefined : decodeEntries(proto.metadataProps);
  return {
    irVersion: safeInteger(proto.irVersion ?? 0, source),
    producerName: proto.producerName ?? '',
    opsetImports: proto.opsetImport.map(({ domain, version }) => ({
      domain: domain ?? '',
      version: safeInteger(version ?? 0, source),
    })),
    graph: decodeGraph(proto.graph, { source, functions }),
    ...(metadata === undefined ? {} : { metadata }),
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
  /** The functions that the file defines. Exporters leave unused ones in it, which nothing needs. */
  readonly functions: ReadonlySet<string>;
}

const functionKey = (domain: string | undefined, name: string | undefined) =>
  JSON.stringify([domain ?? '', name ?? '']);

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
  const { source, functions } = context;
  const where = `${source}: node ${quote(node.name || node.output?.[0] || '')} (${quote(node.opType ?? '')})`;
  if (functions.has(functionKey(node.domain, node.opType))) {
    throw new InputError(`${where}: calls a local function. Inline them (onnx.inliner) and try again`);
  }
  const attributes = node.attribute?.map(
    (a) => [a.name ?? '', decodeAttribute(a, `${where}, attribute ${quote(a.name ?? '')}`, context)] as const,
  );
  return {
    opType: node.opType ?? '',
    inputs: node.input ?? [],
    outputs: node.output ?? [],
    ...(node.name === undefined ? {} : { name: node.name }),
    ...(node.domain === undefined ? {} : { domain: node.domain }),
    ...(attributes === undefined ? {} : { attributes: Object.fromEntries(attributes) }),
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
