import { InputError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import {
  constantTensor,
  type InferredShapes,
  inferShapes,
  knownDomains,
  type OnnxGraph,
  type OnnxInitializer,
  type OnnxModel,
  type OnnxNode,
} from '../../graph/index.ts';
import { floatValues } from './floats.ts';

/** Where a value is made: which output of which node. */
export interface Producer {
  readonly node: number;
  readonly output: number;
}

/** Where a value is read: which input of which node. */
export interface Consumer {
  readonly node: number;
  readonly input: number;
}

/** A graph with everything that is asked of it again and again. Nodes are named by their index. */
export interface GraphIndex {
  readonly graph: OnnxGraph;
  /** Of ONNX's own operators. */
  readonly opset: number;
  readonly shapes: InferredShapes;
  readonly node: (index: number) => OnnxNode;
  readonly producer: (value: string) => Producer | undefined;
  readonly consumers: (value: string) => readonly Consumer[];
  /** The tensor of a value that is the same in every run: an initializer that no caller can replace, a `Constant` node's. */
  readonly constant: (value: string) => OnnxInitializer | undefined;
  /** Whether a value surely is of a floating-point type. */
  readonly isFloat: (value: string) => boolean;
  readonly isInput: (value: string) => boolean;
  readonly isOutput: (value: string) => boolean;
  /** The nodes in whose subgraphs a value is read. */
  readonly capturedBy: (value: string) => readonly number[];
  /** Whether a name is taken, by a value or a node, in subgraphs too. */
  readonly isTaken: (name: string) => boolean;
}

/** Throws InputError for a model without ONNX's own operators, for a value that is made twice, and one that is read before. */
export function indexGraph(model: OnnxModel, source: string): GraphIndex {
  const { graph } = model;
  const opset = model.opsetImports.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version;
  if (opset === undefined) throw new InputError(`${source}: imports no operator set of ONNX itself`);
  const producers = new Map<string, Producer>();
  const consumers = new Map<string, Consumer[]>();
  const captured = new Map<string, Set<number>>();
  const taken = new Set<string>();
  const constants = new Map<string, OnnxInitializer>();
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  for (const tensor of graph.initializers) {
    if (!inputs.has(tensor.name)) constants.set(tensor.name, tensor);
  }
  const given = new Set([...inputs, ...constants.keys()]);
  for (const [index, node] of graph.nodes.entries()) {
    for (const [output, value] of node.outputs.entries()) {
      if (value === '') continue;
      if (producers.has(value) || given.has(value))
        throw new InputError(`${source}: value ${quote(value)} is made twice`);
      producers.set(value, { node: index, output });
    }
  }
  for (const [index, node] of graph.nodes.entries()) {
    const unmade = node.inputs.find((value) => (producers.get(value)?.node ?? -1) >= index);
    if (unmade !== undefined) {
      throw new InputError(
        `${source}: ${nodeText(node)} reads ${quote(unmade)} before it is made; sort the nodes (onnx_graphsurgeon's toposort, onnxruntime's optimizers) and try again`,
      );
    }
    for (const [input, value] of node.inputs.entries()) {
      if (value === '') continue;
      const list = consumers.get(value);
      if (list === undefined) consumers.set(value, [{ node: index, input }]);
      else list.push({ node: index, input });
    }
    for (const value of capturedValues(node)) captured.set(value, (captured.get(value) ?? new Set()).add(index));
    const tensor = constantTensor(node);
    if (tensor !== undefined) constants.set(tensor.name, tensor);
  }
  for (const name of namesOf(graph)) taken.add(name);
  const floats = floatValues(graph);
  return {
    graph,
    opset,
    shapes: inferShapes(graph, opset),
    node(index) {
      const node = graph.nodes[index];
      if (node === undefined) throw new Error(`onnx: there is no node ${index}`);
      return node;
    },
    producer: (value) => producers.get(value),
    consumers: (value) => consumers.get(value) ?? [],
    constant: (value) => constants.get(value),
    isFloat: (value) => floats.has(value),
    isInput: (value) => inputs.has(value),
    isOutput: (value) => outputs.has(value),
    capturedBy: (value) => [...(captured.get(value) ?? [])],
    isTaken: (name) => taken.has(name),
  };
}

/** Whether a node is of ONNX's own operators. */
export function isStandard(node: OnnxNode): boolean {
  return node.domain === undefined || node.domain === '' || node.domain === 'ai.onnx';
}

/** Whether a node is of an operator whose meaning is known here: ONNX's own, or ONNX Runtime's. */
export function isKnown(node: OnnxNode): boolean {
  return knownDomains.has(node.domain ?? '');
}

/** A node as messages name it. */
export function nodeText(node: OnnxNode): string {
  const name = node.name || node.outputs.find((value) => value !== '') || '';
  return `${quote(node.opType).slice(1, -1)} ${quote(name)}`;
}

/** The values that a node's subgraphs read; of those some may be the subgraphs' own. */
function capturedValues(node: OnnxNode): ReadonlySet<string> {
  const values = new Set<string>();
  for (const graph of subgraphsOf(node)) {
    for (const inner of graph.nodes) {
      for (const value of inner.inputs) values.add(value);
      for (const value of capturedValues(inner)) values.add(value);
    }
    for (const { name } of graph.outputs) values.add(name);
  }
  return values;
}

function subgraphsOf(node: OnnxNode): readonly OnnxGraph[] {
  return Object.values(node.attributes ?? {}).flatMap((attribute) =>
    attribute.kind === 'graph' ? [attribute.value] : [],
  );
}

function* namesOf(graph: OnnxGraph): Generator<string> {
  for (const { name } of [...graph.inputs, ...graph.outputs, ...graph.initializers]) yield name;
  for (const node of graph.nodes) {
    if (node.name !== undefined) yield node.name;
    yield* node.inputs;
    yield* node.outputs;
    for (const inner of subgraphsOf(node)) yield* namesOf(inner);
  }
}
