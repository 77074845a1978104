import { formatShape, sameShape } from '../core/shape.ts';
import { add, zerosLike } from './ops/index.ts';
import { constant, type Node, type Tensor } from './tensor.ts';
import { topologicalOrder } from './traverse.ts';

/**
 * Appends the backward graph: the gradients of a scalar loss with respect to tensors of its graph.
 *
 * A tensor that the loss does not depend on gets zeros of its shape. Integers and booleans carry no gradient, so that
 * none passes through what is computed from them. Throws a RangeError for a loss that is no scalar, and where an op
 * without a gradient rule lies between the loss and one of the tensors.
 */
export function gradients(loss: Tensor, tensors: readonly Tensor[]): readonly Tensor[] {
  if (loss.dtype !== 'float' || loss.shape.some((dim) => dim !== 1)) {
    throw new RangeError(`graph/gradients: the loss has the shape [${loss.shape.join(', ')}], expected a scalar`);
  }
  const gradientOf = new Map<Tensor, Tensor>([
    [
      loss,
      constant(
        [1],
        loss.shape.map(() => 1),
      ),
    ],
  ]);
  const order = topologicalOrder([loss]);
  const needed = dependents(order, tensors);
  for (const node of [...order].reverse()) {
    if (!needed.has(node)) continue;
    const outputGradients = node.outputs.map((output) => gradientOf.get(output) ?? null);
    if (outputGradients.every((gradient) => gradient === null)) continue;
    const inputGradients = node.rules.gradient(outputGradients);
    for (const [i, tensor] of node.inputs.entries()) {
      const gradient = inputGradients[i] ?? null;
      if (gradient === null) continue;
      if (!sameShape(gradient.shape, tensor.shape)) {
        throw new Error(
          `graph/gradients: ${node.op} gives a gradient ${formatShape(gradient.shape)} for ${formatShape(tensor.shape)}`,
        );
      }
      const sum = gradientOf.get(tensor);
      gradientOf.set(tensor, sum === undefined ? gradient : add(sum, gradient));
    }
  }
  return tensors.map((tensor) => gradientOf.get(tensor) ?? zerosLike(tensor));
}

/** The nodes through which the given tensors reach the loss: no other needs its gradient computed. */
function dependents(order: readonly Node[], tensors: readonly Tensor[]): ReadonlySet<Node> {
  const reached = new Set<Tensor>(tensors);
  const nodes = new Set<Node>();
  for (const node of order) {
    if (!node.inputs.some((tensor) => reached.has(tensor))) continue;
    nodes.add(node);
    for (const output of node.outputs) if (output.dtype === 'float') reached.add(output);
  }
  return nodes;
}
