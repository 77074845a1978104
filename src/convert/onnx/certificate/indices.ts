import type { OnnxGraph, OnnxNode } from '../../../graph/index.ts';

/** Operators through which integers go unchanged from their first input. */
const passing = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'Expand',
  'Tile',
  'Slice',
  'Split',
  'Concat',
  'Gather',
]);

/**
 * How many rows the smallest table has that each value picks rows from, by name: ids must be below that. Only tables that
 * are initializers count, as they are or transposed; values that pick from none are not in the map.
 */
export function tableRows(graph: OnnxGraph, names: readonly string[]): ReadonlyMap<string, number> {
  const shapes = new Map(graph.initializers.map(({ name, shape }) => [name, shape]));
  for (const node of graph.nodes) {
    const shape = shapes.get(node.inputs[0] ?? '');
    if (shape === undefined || (node.opType !== 'Transpose' && node.opType !== 'Identity')) continue;
    const order = orderOf(node, shape.length);
    shapes.set(node.outputs[0] ?? '', node.opType === 'Identity' ? shape : order.map((axis) => shape[axis] ?? 0));
  }
  const readers = new Map<string, OnnxNode[]>();
  for (const node of graph.nodes) {
    for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  }
  const rows = new Map<string, number>();
  for (const name of names) {
    const found = rowsPicked(name, readers, shapes);
    if (found !== undefined) rows.set(name, found);
  }
  return rows;
}

function rowsPicked(
  start: string,
  readers: ReadonlyMap<string, readonly OnnxNode[]>,
  shapes: ReadonlyMap<string, readonly number[]>,
): number | undefined {
  let fewest: number | undefined;
  const seen = new Set([start]);
  const waiting = [start];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    for (const node of readers.get(name) ?? []) {
      if (node.opType === 'Gather' && node.inputs[1] === name) {
        const table = shapes.get(node.inputs[0] ?? '');
        const rows = table?.at(axisOf(node));
        if (rows !== undefined) fewest = Math.min(fewest ?? rows, rows);
      } else if (passing.has(node.opType) && (node.inputs[0] === name || node.opType === 'Concat')) {
        for (const output of node.outputs) {
          if (seen.has(output)) continue;
          seen.add(output);
          waiting.push(output);
        }
      }
    }
  }
  return fewest;
}

function axisOf(node: OnnxNode): number {
  const axis = node.attributes?.axis;
  return axis?.kind === 'int' ? axis.value : 0;
}

function orderOf(node: OnnxNode, rank: number): readonly number[] {
  const order = node.attributes?.perm;
  return order?.kind === 'ints' ? order.value : [...Array(rank).keys()].reverse();
}
