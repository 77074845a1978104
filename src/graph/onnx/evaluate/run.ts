import { InputError } from '../../../core/errors.ts';
import { quote } from '../../../core/quote.ts';
import { formatTypes, type Value } from '../../tensor.ts';
import type { OnnxGraph, OnnxInitializer, OnnxNode, OnnxOpset } from '../types.ts';
import { contextOf, describeNode, UnsupportedOpError } from './context.ts';
import { bodyOf, type FunctionTable } from './functions.ts';
import { lastUses, neededNodes } from './liveness.ts';
import { evaluationOf, oldestOpset } from './registry.ts';
import { onnxValue } from './values.ts';

/** How deep functions may call each other; one that calls itself has no end. */
const maxDepth = 32;

export interface Step {
  readonly done: number;
  readonly total: number;
}

/** What all graphs of one run share. */
export interface Run {
  readonly functions: FunctionTable;
  readonly initializer: (tensor: OnnxInitializer) => Value | undefined;
  /** What the run may still hold, and compute. */
  readonly left: { elements: number; nodes: number };
}

type Lookup = (name: string) => Value | undefined;

/** What a graph sees from around it. */
export interface Scope {
  readonly versions: ReadonlyMap<string, number>;
  readonly outer: Lookup | undefined;
  readonly depth?: number;
}

/** `ai.onnx` is the default domain's other name. */
function domainOf({ domain = '' }: Pick<OnnxNode, 'domain'>): string {
  return domain === 'ai.onnx' ? '' : domain;
}

export function versionsOf(imports: readonly OnnxOpset[]): ReadonlyMap<string, number> {
  return new Map(imports.map((opset) => [domainOf(opset), opset.version]));
}

/** Why the evaluator can't compute a node that is no call of a function. */
export function problemOf(node: OnnxNode, versions: ReadonlyMap<string, number>): UnsupportedOpError | undefined {
  const domain = domainOf(node);
  const version = versions.get(domain) ?? 1;
  if (evaluationOf(domain, node.opType) === undefined) return new UnsupportedOpError(node, version);
  const tooOld = domain === '' && version < oldestOpset;
  return tooOld
    ? new UnsupportedOpError(node, version, `is older than opset ${oldestOpset}, not supported`)
    : undefined;
}

/** Computes the wanted values of a graph, with a pause after each of its nodes. */
export function* graphSteps(
  run: Run,
  graph: Pick<OnnxGraph, 'nodes' | 'initializers'>,
  inputs: ReadonlyMap<string, Value>,
  wanted: readonly string[],
  scope: Scope,
): Generator<Step, ReadonlyMap<string, Value>, void> {
  const nodes = neededNodes(graph, wanted);
  const lastUse = lastUses(nodes, wanted);
  const initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const values = new Map<string, Value>(inputs);
  // Elements that count against the limit: those that nodes made.
  const made = new Map<string, number>();

  const lookup: Lookup = (name) => {
    const value = values.get(name);
    if (value !== undefined) return value;
    const tensor = initializers.get(name);
    if (tensor === undefined) return scope.outer?.(name);
    const widened = run.initializer(tensor) ?? ownValue(tensor);
    values.set(name, widened);
    return widened;
  };
  const drop = (name: string) => {
    run.left.elements += made.get(name) ?? 0;
    made.delete(name);
    values.delete(name);
  };

  for (const [i, node] of nodes.entries()) {
    const results = evaluateNode(run, node, lookup, scope);
    for (const [j, name] of node.outputs.entries()) {
      const value = results[j];
      if (name === '' || (value === undefined && !lastUse.reads(name))) continue;
      if (value === undefined) throw new InputError(`${describeNode(node)}: gives no output ${j}`);
      drop(name);
      values.set(name, value);
      made.set(name, value.data.length);
      run.left.elements -= value.data.length;
      // Operators ask before they make something larger than their inputs; those that don't still add up.
      if (run.left.elements < 0) throw new InputError(`${describeNode(node)}: the model's values take too much memory`);
    }
    for (const name of lastUse.of(node)) drop(name);
    yield { done: i + 1, total: nodes.length };
  }
  const results = new Map(wanted.map((name) => [name, lookup(name) ?? missing('onnx/evaluate: the graph', name)]));
  for (const name of [...made.keys()]) drop(name);
  return results;
}

function evaluateNode(run: Run, node: OnnxNode, lookup: Lookup, scope: Scope): readonly Value[] {
  countNode(run, node);
  const read = (name: string) => (name === '' ? undefined : (lookup(name) ?? missing(describeNode(node), name)));
  const inputs = node.inputs.map(read);
  const called = run.functions.of(node);
  if (called !== undefined) {
    const depth = (scope.depth ?? 0) + 1;
    if (depth > maxDepth) throw new InputError(`${describeNode(node)}: functions call each other ${maxDepth} deep`);
    const given = new Map<string, Value>();
    for (const [i, name] of called.inputs.entries()) {
      const value = inputs[i];
      if (value !== undefined) given.set(name, value);
    }
    const inside = { versions: versionsOf(called.opsetImports), outer: undefined, depth };
    return completed(run, bodyOf(called, node), given, called.outputs, inside);
  }
  const domain = domainOf(node);
  const evaluation = evaluationOf(domain, node.opType);
  const problem = problemOf(node, scope.versions);
  if (problem !== undefined || evaluation === undefined) throw problem ?? new UnsupportedOpError(node, 1);
  const context = contextOf(node, {
    version: scope.versions.get(domain) ?? 1,
    inputs,
    freeElements: () => run.left.elements,
    run(graph, given) {
      countNode(run, node);
      if (graph.inputs.length !== given.length) {
        throw new InputError(
          `${describeNode(node)}: its subgraph has ${graph.inputs.length} inputs, expected ${given.length}`,
        );
      }
      const named = new Map(given.map((value, i) => [graph.inputs[i]?.name ?? '', value]));
      const wanted = graph.outputs.map(({ name }) => name);
      return completed(run, graph, named, wanted, { ...scope, outer: lookup });
    },
  });
  try {
    return evaluation(context);
  } catch (error) {
    // What the array functions below find wrong with a model of somebody else's is no bug of ours.
    if (error instanceof RangeError) throw context.fail(`${error.message}; its inputs are ${formatTypes(inputs)}`);
    throw error;
  }
}

/** All steps of a graph, its results in the order of their names. */
function completed(
  run: Run,
  graph: Pick<OnnxGraph, 'nodes' | 'initializers'>,
  inputs: ReadonlyMap<string, Value>,
  wanted: readonly string[],
  scope: Scope,
): readonly Value[] {
  const steps = graphSteps(run, graph, inputs, wanted, scope);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const results = step.value;
  return wanted.map((name) => results.get(name) ?? missing('onnx/evaluate: a subgraph', name));
}

function countNode({ left }: Run, node: OnnxNode): void {
  if (left.nodes-- <= 0)
    throw new InputError(`${describeNode(node)}: the model takes too many steps; has a loop no end?`);
}

function ownValue(tensor: OnnxInitializer): Value {
  if ('external' in tensor) {
    throw new InputError(
      `onnx/evaluate: the initializer ${quote(tensor.name)} lies in ${quote(tensor.external.location)}, which is not given`,
    );
  }
  return onnxValue(tensor);
}

function missing(where: string, name: string): never {
  throw new InputError(`${where}: nothing makes the value ${quote(name)} before it is read`);
}
