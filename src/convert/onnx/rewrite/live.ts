import type { NodeEdit, OnnxGraph, OnnxNode } from '../../../graph/index.ts';
import type { GraphIndex } from '../graph.ts';

/** A node of the result: one of the source's, or a new one. */
export type WrittenNode = NodeEdit;

export interface LiveNodes {
  readonly nodes: readonly WrittenNode[];
  /** Initializers of the source that were read and aren't any more. */
  readonly removed: ReadonlySet<string>;
  readonly reads: (value: string) => boolean;
}

/** Drops nodes and initializers that are of no use any more; what was of no use before stays as it was. */
export function keepLive(index: GraphIndex, nodes: readonly WrittenNode[]): LiveNodes {
  const { graph } = index;
  const before = liveSet(graph, graph.nodes);
  const written = nodes.map((edit) => asNode(index, edit));
  const after = liveSet(graph, written);
  const kept = nodes.filter((edit, i) => {
    const node = written[i];
    return 'added' in edit ? node && after.has(node) : node && (after.has(node) || !before.has(index.node(edit.kept)));
  });
  const read = valuesRead(
    graph,
    kept.map((edit) => asNode(index, edit)),
  );
  const readBefore = valuesRead(graph, graph.nodes);
  const removed = graph.initializers.map(({ name }) => name).filter((name) => readBefore.has(name) && !read.has(name));
  return { nodes: kept, removed: new Set(removed), reads: (value) => read.has(value) };
}

/** A written node as it will be. */
export function asNode(index: GraphIndex, edit: WrittenNode): OnnxNode {
  if ('added' in edit) return edit.added;
  const node = index.node(edit.kept);
  return edit.inputs === undefined ? node : { ...node, inputs: edit.inputs };
}

/** The nodes on which the outputs depend. */
function liveSet(graph: OnnxGraph, nodes: readonly OnnxNode[]): ReadonlySet<OnnxNode> {
  const producers = new Map<string, OnnxNode>();
  for (const node of nodes) for (const value of node.outputs) producers.set(value, node);
  const live = new Set<OnnxNode>();
  const waiting = graph.outputs.map(({ name }) => name);
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    const node = value === '' ? undefined : producers.get(value);
    if (node === undefined || live.has(node)) continue;
    live.add(node);
    for (const read of readBy(node)) waiting.push(read);
  }
  return live;
}

function valuesRead(graph: OnnxGraph, nodes: readonly OnnxNode[]): ReadonlySet<string> {
  return new Set([...graph.outputs.map(({ name }) => name), ...nodes.flatMap((node) => [...readBy(node)])]);
}

/** The values that a node reads, in its subgraphs too. */
function* readBy(node: OnnxNode): Generator<string> {
  yield* node.inputs;
  for (const attribute of Object.values(node.attributes ?? {})) {
    if (attribute.kind !== 'graph') continue;
    for (const inner of attribute.value.nodes) yield* readBy(inner);
    for (const { name } of attribute.value.outputs) yield name;
  }
}
