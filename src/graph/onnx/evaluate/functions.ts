import type { OnnxAttribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from '../types.ts';

/** The functions of a model, by the nodes that call them. */
export interface FunctionTable {
  of(node: OnnxNode): OnnxFunction | undefined;
}

export function functionTable({ functions = [] }: Pick<OnnxModel, 'functions'>): FunctionTable {
  const table = new Map(functions.map((called) => [`${called.domain}\n${called.name}`, called]));
  return { of: ({ domain = '', opType }) => table.get(`${domain}\n${opType}`) };
}

type Attributes = Readonly<Record<string, OnnxAttribute>>;

/** A function's nodes with the attributes of a call, and with the inputs that the call leaves out left out. */
export function bodyOf(called: OnnxFunction, call: OnnxNode): Pick<OnnxGraph, 'nodes' | 'initializers'> {
  const attributes: Attributes = { ...called.defaults, ...call.attributes };
  const absent = new Set(called.inputs.filter((_, i) => (call.inputs[i] ?? '') === ''));
  return { nodes: called.nodes.map((node) => bound(node, attributes, absent)), initializers: [] };
}

function bound(node: OnnxNode, given: Attributes, absent: ReadonlySet<string>): OnnxNode {
  const attributes: Record<string, OnnxAttribute> = {};
  for (const [name, attribute] of Object.entries(node.attributes ?? {})) {
    attributes[name] =
      attribute.kind === 'graph' ? { kind: 'graph', value: within(attribute.value, given, absent) } : attribute;
  }
  for (const [name, source] of Object.entries(node.attributeReferences ?? {})) {
    const value = Object.hasOwn(given, source) ? given[source] : undefined;
    if (value !== undefined) attributes[name] = value;
  }
  return { ...node, inputs: node.inputs.map((name) => (absent.has(name) ? '' : name)), attributes };
}

function within(graph: OnnxGraph, given: Attributes, absent: ReadonlySet<string>): OnnxGraph {
  return { ...graph, nodes: graph.nodes.map((node) => bound(node, given, absent)) };
}
