import type { OnnxGraph, OnnxNode } from '../types.ts';

/** All names that a node reads: its inputs, and what its subgraphs take from around it. */
export function namesRead(node: OnnxNode): readonly string[] {
  const names = node.inputs.filter((name) => name !== '');
  for (const attribute of Object.values(node.attributes ?? {})) {
    if (attribute.kind === 'graph') names.push(...freeNames(attribute.value));
  }
  return names;
}

/** The names that a subgraph reads and doesn't make itself. */
function freeNames(graph: OnnxGraph): readonly string[] {
  const known = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name));
  const free: string[] = [];
  const read = (name: string) => {
    if (!known.has(name)) free.push(name);
  };
  for (const node of graph.nodes) {
    for (const name of namesRead(node)) read(name);
    for (const name of node.outputs) known.add(name);
  }
  for (const { name } of graph.outputs) read(name);
  return free;
}

/** The nodes on which values depend, in the graph's order. */
export function neededNodes(graph: Pick<OnnxGraph, 'nodes'>, wanted: readonly string[]): readonly OnnxNode[] {
  const needed = new Set(wanted);
  const nodes: OnnxNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => name !== '' && needed.has(name))) continue;
    nodes.push(node);
    for (const name of namesRead(node)) needed.add(name);
  }
  return nodes.reverse();
}

/** When values can be let go. */
export interface LastUses {
  /** What nothing after the node reads, of its inputs and its outputs. */
  of(node: OnnxNode): readonly string[];
  /** Whether anything reads the value. */
  reads(name: string): boolean;
}

export function lastUses(nodes: readonly OnnxNode[], wanted: readonly string[]): LastUses {
  const seen = new Set(wanted);
  const uses = new Map<OnnxNode, readonly string[]>();
  for (const node of [...nodes].reverse()) {
    const last = new Set([...node.outputs, ...namesRead(node)].filter((name) => !seen.has(name)));
    for (const name of last) seen.add(name);
    uses.set(node, [...last]);
  }
  const read = new Set([...wanted, ...nodes.flatMap(namesRead)]);
  return { of: (node) => uses.get(node) ?? [], reads: (name) => read.has(name) };
}
