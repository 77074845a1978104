import protobuf from 'protobufjs/light.js';

/**
 * The part of ONNX's protobuf schema (onnx.proto, proto2) that normlab writes and reads.
 *
 * A row is a field's number and type; `repeated` marks lists, `packed` lists that are stored without tags.
 */
type FieldRow = readonly [id: number, type: string, rule?: 'repeated' | 'packed'];

const messages: Readonly<Record<string, Readonly<Record<string, FieldRow>>>> = {
  ModelProto: {
    irVersion: [1, 'int64'],
    producerName: [2, 'string'],
    graph: [7, 'GraphProto'],
    opsetImport: [8, 'OperatorSetIdProto', 'repeated'],
    metadataProps: [14, 'StringStringEntryProto', 'repeated'],
    functions: [25, 'FunctionProto', 'repeated'],
  },
  FunctionProto: {
    name: [1, 'string'],
    input: [4, 'string', 'repeated'],
    output: [5, 'string', 'repeated'],
    attribute: [6, 'string', 'repeated'],
    node: [7, 'NodeProto', 'repeated'],
    opsetImport: [9, 'OperatorSetIdProto', 'repeated'],
    domain: [10, 'string'],
    attributeProto: [11, 'AttributeProto', 'repeated'],
  },
  OperatorSetIdProto: { domain: [1, 'string'], version: [2, 'int64'] },
  StringStringEntryProto: { key: [1, 'string'], value: [2, 'string'] },
  GraphProto: {
    node: [1, 'NodeProto', 'repeated'],
    name: [2, 'string'],
    initializer: [5, 'TensorProto', 'repeated'],
    input: [11, 'ValueInfoProto', 'repeated'],
    output: [12, 'ValueInfoProto', 'repeated'],
    valueInfo: [13, 'ValueInfoProto', 'repeated'],
    sparseInitializer: [15, 'bytes', 'repeated'],
  },
  NodeProto: {
    input: [1, 'string', 'repeated'],
    output: [2, 'string', 'repeated'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'AttributeProto', 'repeated'],
    domain: [7, 'string'],
  },
  AttributeProto: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    t: [5, 'TensorProto'],
    g: [6, 'GraphProto'],
    floats: [7, 'float', 'repeated'],
    ints: [8, 'int64', 'repeated'],
    strings: [9, 'bytes', 'repeated'],
    type: [20, 'int32'],
    refAttrName: [21, 'string'],
  },
  TensorProto: {
    dims: [1, 'int64', 'repeated'],
    dataType: [2, 'int32'],
    floatData: [4, 'float', 'packed'],
    int32Data: [5, 'int32', 'packed'],
    int64Data: [7, 'int64', 'packed'],
    name: [8, 'string'],
    rawData: [9, 'bytes'],
    doubleData: [10, 'double', 'packed'],
    uint64Data: [11, 'uint64', 'packed'],
    externalData: [13, 'StringStringEntryProto', 'repeated'],
    dataLocation: [14, 'int32'],
  },
  ValueInfoProto: { name: [1, 'string'], type: [2, 'TypeProto'] },
  TypeProto: { tensorType: [1, 'TensorTypeProto'] },
  TensorTypeProto: { elemType: [1, 'int32'], shape: [2, 'TensorShapeProto'] },
  TensorShapeProto: { dim: [1, 'DimensionProto', 'repeated'] },
  DimensionProto: { dimValue: [1, 'int64'], dimParam: [2, 'string'] },
};

/** `I` is what 64-bit integers are: safe numbers when writing (a bigint would be written as 0), bigints when reading. */
export type ModelProto<I> = {
  irVersion?: I;
  producerName?: string;
  graph?: GraphProto<I>;
  opsetImport?: OpsetProto<I>[];
  metadataProps?: EntryProto[];
  functions?: FunctionProto<I>[];
};
export type OpsetProto<I> = { domain?: string; version?: I };
export type FunctionProto<I> = {
  name?: string;
  domain?: string;
  input?: string[];
  output?: string[];
  attribute?: string[];
  attributeProto?: AttributeProto<I>[];
  node?: NodeProto<I>[];
  opsetImport?: OpsetProto<I>[];
};
export type EntryProto = { key?: string; value?: string };
export type GraphProto<I> = {
  name?: string;
  node?: NodeProto<I>[];
  initializer?: TensorProto<I>[];
  input?: ValueInfoProto<I>[];
  output?: ValueInfoProto<I>[];
  valueInfo?: ValueInfoProto<I>[];
  sparseInitializer?: Uint8Array[];
};
export type NodeProto<I> = {
  input?: string[];
  output?: string[];
  name?: string;
  opType?: string;
  attribute?: AttributeProto<I>[];
  domain?: string;
};
export type AttributeProto<I> = {
  name?: string;
  type?: number;
  f?: number;
  i?: I;
  s?: Uint8Array;
  t?: TensorProto<I>;
  g?: GraphProto<I>;
  floats?: number[];
  ints?: I[];
  strings?: Uint8Array[];
  refAttrName?: string;
};
export type TensorProto<I> = {
  name?: string;
  dims?: I[];
  dataType?: number;
  rawData?: Uint8Array;
  floatData?: number[];
  int32Data?: number[];
  int64Data?: I[];
  doubleData?: number[];
  uint64Data?: I[];
  externalData?: EntryProto[];
  dataLocation?: number;
};
export type ValueInfoProto<I> = {
  name?: string;
  type?: { tensorType?: { elemType?: number; shape?: { dim?: { dimValue?: I; dimParam?: string }[] } } };
};

/** AttributeProto.AttributeType. */
export const attributeTypes = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
} as const;

/** TensorProto.DataLocation: the bytes are in another file. */
export const externalLocation = 1;

const root = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(messages).map(([name, fields]) => [
      name,
      {
        edition: 'proto2',
        fields: Object.fromEntries(
          Object.entries(fields).map(([field, [id, type, rule]]) => [
            field,
            rule === undefined ? { id, type } : { id, type, rule: 'repeated', options: { packed: rule === 'packed' } },
          ]),
        ),
      },
    ]),
  ),
});
const modelType = root.lookupType('ModelProto');
const nodeType = root.lookupType('NodeProto');
const tensorType = root.lookupType('TensorProto');

export function writeModelProto(model: ModelProto<number>): Uint8Array {
  return plainBytes(modelType.encode(model).finish());
}

export function writeNodeProto(node: NodeProto<number>): Uint8Array {
  return plainBytes(nodeType.encode(node).finish());
}

export function writeTensorProto(tensor: TensorProto<number>): Uint8Array {
  return plainBytes(tensorType.encode(tensor).finish());
}

/** The number of a field, by the names that onnx.proto has in camel case. */
export function fieldNumber(message: string, field: string): number {
  const row = messages[message]?.[field];
  if (row === undefined) throw new Error(`onnx: the schema has no ${message}.${field}`);
  return row[0];
}

/** Reads the fields of the table and skips all others; byte fields are views of `bytes`. */
export function readModelProto(bytes: Uint8Array): ModelProto<bigint> {
  return modelType.toObject(modelType.decode(plainBytes(bytes)), { longs: BigInt });
}

/** The same bytes without Node's Buffer class, whose `slice` and equality differ. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
