import type { DType } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import type { StaticShape } from '../../core/shape.ts';
import { onnxTypeCodes } from './dtypes.ts';
import { encodeNode, encodePlace } from './encode.ts';
import { externalLocation, fieldNumber, writeNodeProto, writeTensorProto } from './schema.ts';
import type { OnnxExternalTensor, OnnxNode, OnnxOpset } from './types.ts';
import { lengthDelimited, type Part, textField, varintField, type WireField, wireFields } from './wire.ts';

/** What becomes of a file: everything that isn't named stays what it was, byte for byte. */
export interface ModelEdit {
  readonly graph: GraphEdit;
  /** Operator sets to import, or to import in another version. */
  readonly opsets?: readonly OnnxOpset[];
  /** The least version of the format. */
  readonly irVersion?: number;
  /** Leave the file's functions out, which nothing calls. */
  readonly dropsFunctions?: boolean;
  /** Properties to set. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface GraphEdit {
  /** All nodes, in order. */
  readonly nodes: readonly NodeEdit[];
  /** Initializers whose bytes change, or which go. */
  readonly initializers: ReadonlyMap<string, TensorBytes | 'removed'>;
  readonly added: readonly AddedInitializer[];
  /** Whether what the file says of a value's shape still has its use. */
  readonly keepsValue: (name: string) => boolean;
}

export type NodeEdit =
  /** A node of the file, by its index, where given with other inputs. */
  { readonly kept: number; readonly inputs?: readonly string[] | undefined } | { readonly added: OnnxNode };

/** A tensor's bytes: in the file, made while it is written, or in another file. */
export type TensorBytes = Exclude<Part, Uint8Array> | { readonly external: OnnxExternalTensor['external'] };

export interface AddedInitializer {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: StaticShape;
  readonly bytes: TensorBytes;
}

/** The parts of the edited file, to be written one after the other. Throws InputError for bytes that aren't a model. */
export function editModel(file: Uint8Array, edit: ModelEdit, source: string): readonly Part[] {
  const { opsets = [], metadata = {} } = edit;
  const graphs = [...wireFields(file, source)].filter(({ number }) => number === model.graph);
  if (graphs.length !== 1) throw new InputError(`${source}: has ${graphs.length} graphs, expected 1`);
  const parts: Part[] = [];
  const replacedDomains = new Set(opsets.map(({ domain }) => domain));
  for (const field of wireFields(file, source)) {
    if (field.number === model.graph) {
      // One by one: a call takes no more than some 100,000 arguments.
      for (const part of lengthDelimited(model.graph, editGraph(field.payload, edit.graph, source))) parts.push(part);
    } else if (field.number === model.opsetImport && replacedDomains.has(textIn(field, 1, source))) {
    } else if (field.number === model.metadataProps && Object.hasOwn(metadata, textIn(field, 1, source))) {
    } else if (field.number === model.functions && edit.dropsFunctions) {
    } else if (field.number === model.irVersion && edit.irVersion !== undefined) {
      parts.push(varintField(model.irVersion, edit.irVersion));
    } else {
      parts.push(field.bytes);
    }
  }
  for (const { domain, version } of opsets) {
    parts.push(...lengthDelimited(model.opsetImport, [...textField(1, domain), varintField(2, version)]));
  }
  for (const [key, value] of Object.entries(metadata)) {
    parts.push(...lengthDelimited(model.metadataProps, [...textField(1, key), ...textField(2, value)]));
  }
  return parts;
}

const model = {
  irVersion: fieldNumber('ModelProto', 'irVersion'),
  graph: fieldNumber('ModelProto', 'graph'),
  opsetImport: fieldNumber('ModelProto', 'opsetImport'),
  metadataProps: fieldNumber('ModelProto', 'metadataProps'),
  functions: fieldNumber('ModelProto', 'functions'),
};
const graph = {
  node: fieldNumber('GraphProto', 'node'),
  initializer: fieldNumber('GraphProto', 'initializer'),
  valueInfo: fieldNumber('GraphProto', 'valueInfo'),
};
const tensorName = fieldNumber('TensorProto', 'name');
const tensorRawData = fieldNumber('TensorProto', 'rawData');
/** Where a tensor has its values, `string_data` among them. */
const tensorValues = new Set([
  6,
  ...['floatData', 'int32Data', 'int64Data', 'rawData', 'doubleData', 'uint64Data', 'externalData', 'dataLocation'].map(
    (field) => fieldNumber('TensorProto', field),
  ),
]);

function editGraph(bytes: Uint8Array, edit: GraphEdit, source: string): readonly Part[] {
  const fields = [...wireFields(bytes, source)];
  const nodes = fields.filter(({ number }) => number === graph.node);
  const rest = fields
    .filter(({ number }) => number !== graph.node)
    .flatMap((field): readonly Part[] => {
      if (field.number === graph.valueInfo) return edit.keepsValue(textIn(field, 1, source)) ? [field.bytes] : [];
      if (field.number !== graph.initializer) return [field.bytes];
      const change = edit.initializers.get(textIn(field, tensorName, source));
      if (change === undefined) return [field.bytes];
      if (change === 'removed') return [];
      const kept = [...wireFields(field.payload, source)].filter(({ number }) => !tensorValues.has(number));
      return lengthDelimited(graph.initializer, [...kept.map((part) => part.bytes), ...valueParts(change)]);
    });
  return [
    ...edit.nodes.flatMap((node) => nodeParts(node, nodes, source)),
    ...rest,
    ...edit.added.flatMap(({ name, dtype, shape, bytes: values }) =>
      lengthDelimited(graph.initializer, [
        writeTensorProto({ name, dataType: onnxTypeCodes[dtype], dims: [...shape] }),
        ...valueParts(values),
      ]),
    ),
  ];
}

function nodeParts(edit: NodeEdit, nodes: readonly WireField[], source: string): readonly Part[] {
  if ('added' in edit) return lengthDelimited(graph.node, [writeNodeProto(encodeNode(edit.added))]);
  const node = nodes[edit.kept];
  if (node === undefined) throw new Error(`onnx: there is no node ${edit.kept}`);
  if (edit.inputs === undefined) return [node.bytes];
  const rest = [...wireFields(node.payload, source)].filter(({ number }) => number !== 1);
  return lengthDelimited(graph.node, [
    ...edit.inputs.flatMap((name) => textField(1, name)),
    ...rest.map((part) => part.bytes),
  ]);
}

function valueParts(values: TensorBytes): readonly Part[] {
  if ('read' in values) return lengthDelimited(tensorRawData, [values]);
  const externalData = encodePlace(values.external, 'initializer');
  return [writeTensorProto({ externalData, dataLocation: externalLocation })];
}

/** A text field of a message in a field; empty where there is none. Of several the last one counts. */
function textIn(field: WireField, number: number, source: string): string {
  let text = '';
  for (const inner of wireFields(field.payload, source)) {
    if (inner.number === number) text = new TextDecoder().decode(inner.payload);
  }
  return text;
}
