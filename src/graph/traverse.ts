import type { Node, Tensor } from './tensor.ts';

/** Every node that the outputs depend on, each after all nodes that it depends on. */
export function topologicalOrder(outputs: readonly Tensor[]): readonly Node[] {
  const order: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  const stack = outputs
    .map(producer)
    .filter((node) => node !== null)
    .reverse();
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    const seen = state.get(node);
    if (seen === undefined) {
      state.set(node, 'open');
      for (const tensor of node.inputs) {
        const next = producer(tensor);
        if (next !== null && !state.has(next)) stack.push(next);
      }
      continue;
    }
    stack.pop();
    if (seen === 'open') {
      state.set(node, 'done');
      order.push(node);
    }
  }
  return order;
}

/** The inputs, parameters and constants that the outputs depend on, in the order in which they are first met. */
export function leavesOf(outputs: readonly Tensor[]): readonly Tensor[] {
  const leaves = new Set<Tensor>();
  for (const node of topologicalOrder(outputs)) {
    for (const tensor of node.inputs) if (tensor.origin.kind !== 'node') leaves.add(tensor);
  }
  for (const tensor of outputs) if (tensor.origin.kind !== 'node') leaves.add(tensor);
  return [...leaves];
}

function producer(tensor: Tensor): Node | null {
  return tensor.origin.kind === 'node' ? tensor.origin.node : null;
}
