import { InputError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { at, formatTypes, type Node, type Tensor, type Value } from './tensor.ts';
import { leavesOf, topologicalOrder } from './traverse.ts';

/**
 * Computes tensors in float64, op by op: the definition that every engine is checked against.
 *
 * `feeds` holds the values of inputs and parameters by name. Throws an `InputError` that names a value that is missing,
 * or that has not the declared type or shape.
 */
export function evaluate(outputs: readonly Tensor[], feeds: Readonly<Record<string, Value>>): readonly Value[] {
  const steps = evaluateSteps(outputs, feeds);
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/** `evaluate` with a pause after each op, so that long work can show where it stands and be interrupted. */
export function* evaluateSteps(
  outputs: readonly Tensor[],
  feeds: Readonly<Record<string, Value>>,
): Generator<{ readonly done: number; readonly total: number }, readonly Value[], void> {
  const values = new Map<Tensor, Value>();
  const bindings = new Map<string, number>();
  for (const leaf of leavesOf(outputs)) values.set(leaf, leafValue(leaf, feeds, bindings));

  const order = topologicalOrder(outputs);
  const lastUse = lastUses(order, outputs);
  for (const [i, node] of order.entries()) {
    const inputs = node.inputs.map((tensor) => computedValue(values, tensor));
    const results = node.rules.evaluate(inputs, bindings);
    for (const [j, output] of node.outputs.entries()) values.set(output, at(results, j, node.op));
    for (const tensor of lastUse.get(node) ?? []) values.delete(tensor);
    yield { done: i + 1, total: order.length };
  }
  return outputs.map((tensor) => computedValue(values, tensor));
}

/** Where `evaluateLazily` has values and products from. */
export interface LazySources {
  /** The value of an input or a parameter: asked for once, when an op first needs it, and let go after the last that does. */
  readonly value: (name: string) => Promise<Value>;
  /** x·Wᵀ for x `[…, rows, inner]` and a matrix W `[columns, inner]`; undefined where it is not worth while. */
  readonly multiply: (x: Value, weight: Value) => Promise<Value> | undefined;
}

/**
 * What `evaluate` computes, for parameters that are too many to be in memory at once. Products with a transposed matrix, as
 * linears have them, can be left to somebody faster.
 */
export async function evaluateLazily(outputs: readonly Tensor[], sources: LazySources): Promise<readonly Value[]> {
  const values = new Map<Tensor, Value>();
  const bindings = new Map<string, number>();
  const get = async (tensor: Tensor): Promise<Value> => {
    const { origin } = tensor;
    const known = values.get(tensor);
    if (known !== undefined || origin.kind === 'node') return computedValue(values, tensor);
    const feeds = origin.kind === 'constant' ? {} : { [origin.name]: await sources.value(origin.name) };
    const value = leafValue(tensor, feeds, bindings);
    values.set(tensor, value);
    return value;
  };

  const order = topologicalOrder(outputs);
  const lastUse = lastUses(order, outputs);
  for (const node of order) {
    const inputs: Value[] = [];
    for (const tensor of node.inputs) inputs.push(await get(tensor));
    const product = isLinear(node) ? await sources.multiply(at(inputs, 0, node.op), at(inputs, 1, node.op)) : undefined;
    const results = product === undefined ? node.rules.evaluate(inputs, bindings) : [product];
    for (const [j, output] of node.outputs.entries()) values.set(output, at(results, j, node.op));
    for (const tensor of lastUse.get(node) ?? []) values.delete(tensor);
  }
  const results: Value[] = [];
  for (const tensor of outputs) results.push(await get(tensor));
  return results;
}

function isLinear({ rules: { product }, inputs }: Node): boolean {
  return product?.transposeA === false && product.transposeB && inputs[1]?.shape.length === 2;
}

function leafValue(leaf: Tensor, feeds: Readonly<Record<string, Value>>, bindings: Map<string, number>): Value {
  if (leaf.origin.kind === 'constant') return leaf.origin.value;
  if (leaf.origin.kind === 'node') throw new Error('graph/evaluate: a node is no leaf');
  const { kind, name } = leaf.origin;
  const value = Object.hasOwn(feeds, name) ? feeds[name] : undefined;
  if (value === undefined) throw new InputError(`graph/evaluate: no value given for the ${kind} ${name}`);
  bindSymbols(leaf, value, name, bindings);
  return value;
}

function bindSymbols(leaf: Tensor, value: Value, name: string, bindings: Map<string, number>): void {
  const known = leaf.shape.map((dim) => {
    const size = typeof dim === 'string' ? bindings.get(dim) : undefined;
    return size === undefined ? dim : `${dim} = ${size}`;
  });
  const fits =
    value.dtype === leaf.dtype &&
    value.shape.length === leaf.shape.length &&
    leaf.shape.every((dim, i) => {
      const size = at(value.shape, i, name);
      if (typeof dim === 'number') return dim === size;
      const bound = bindings.get(dim);
      if (bound === undefined) bindings.set(dim, size);
      return bound === undefined || bound === size;
    });
  if (!fits) {
    throw new InputError(
      `graph/evaluate: ${name} is ${formatTypes([value])}, expected ${leaf.dtype} ${formatShape(known)}`,
    );
  }
}

/** For each node the tensors that nothing after it reads, so that their memory can go. */
function lastUses(order: readonly Node[], outputs: readonly Tensor[]): ReadonlyMap<Node, readonly Tensor[]> {
  const seen = new Set<Tensor>(outputs);
  const uses = new Map<Node, Tensor[]>();
  for (const node of [...order].reverse()) {
    const last: Tensor[] = [];
    for (const tensor of node.inputs) {
      if (seen.has(tensor)) continue;
      seen.add(tensor);
      last.push(tensor);
    }
    uses.set(node, last);
  }
  return uses;
}

function computedValue(values: ReadonlyMap<Tensor, Value>, tensor: Tensor): Value {
  const value = values.get(tensor);
  if (value === undefined) throw new Error('graph/evaluate: a tensor was read before it was computed');
  return value;
}
