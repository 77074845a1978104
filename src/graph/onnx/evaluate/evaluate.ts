import { InputError } from '../../../core/errors.ts';
import { quote } from '../../../core/quote.ts';
import { formatShape, sizeOf } from '../../../core/shape.ts';
import { formatTypes, type Value } from '../../tensor.ts';
import type { OnnxGraph, OnnxInitializer, OnnxModel, OnnxNode, OnnxValueInfo } from '../types.ts';
import { contextOf, describeNode, UnsupportedOpError } from './context.ts';
import { lastUses, neededNodes } from './liveness.ts';
import { evaluationOf, oldestOpset } from './registry.ts';
import { elementTypeOf, onnxValue } from './values.ts';

/** 2 GiB of float64. */
const defaultMaxElements = 2 ** 28;

export interface OnnxEvaluateOptions {
  /** The values wanted, by name: outputs of the graph or anything that its nodes make. Default: the graph's outputs. */
  readonly outputs?: readonly string[] | undefined;
  /**
   * Gives an initializer's value: for tensors in other files, and to compute with other weights. Undefined means the
   * tensor's own. Asked when a node first reads it, and again for each run.
   */
  readonly initializer?: ((tensor: OnnxInitializer) => Value | undefined) | undefined;
  /** How many elements the values that nodes made may hold at one time. Default 2²⁸, which takes 2 GiB. */
  readonly maxElements?: number | undefined;
}

/**
 * Computes an ONNX model in float64, node by node, as the operators' specification defines them for the opsets that the
 * model imports: the reference that a conversion of the model is measured against.
 *
 * Floats of every width are held as float64 and never rounded, also by Cast. Integers are exact up to 2⁵³ and rounded
 * beyond, where models keep their infinities: T5's buckets add to the smallest int64 and then don't use it.
 * Values are let go after their last use, and initializers are widened when they are first read.
 * @throws UnsupportedOpError for operators that it does not know, before anything is computed unless they are in a branch
 * @throws InputError for inputs that are missing or don't fit, models that contradict themselves, and values of more
 *   than `maxElements` elements
 */
export function evaluateOnnx(
  model: OnnxModel,
  inputs: Readonly<Record<string, Value>>,
  options: OnnxEvaluateOptions = {},
): ReadonlyMap<string, Value> {
  const steps = evaluateOnnxSteps(model, inputs, options);
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/** `evaluateOnnx` with a pause after each node, so that long work can show where it stands and be interrupted. */
export function* evaluateOnnxSteps(
  model: OnnxModel,
  inputs: Readonly<Record<string, Value>>,
  { outputs, initializer, maxElements = defaultMaxElements }: OnnxEvaluateOptions = {},
): Generator<{ readonly done: number; readonly total: number }, ReadonlyMap<string, Value>, void> {
  const run: Run = {
    versions: new Map(model.opsetImports.map(({ domain, version }) => [domainOf(domain), version])),
    initializer: initializer ?? (() => undefined),
    memory: { free: maxElements },
  };
  const wanted = outputs ?? model.graph.outputs.map(({ name }) => name);
  const [unsupported] = unsupportedOps(model, wanted);
  if (unsupported !== undefined) throw unsupported;
  return yield* graphSteps(run, model.graph, inputValues(model.graph, inputs), wanted, undefined);
}

/** What keeps the evaluator from computing the outputs of a model, one error for each operator; branches not looked into. */
export function unsupportedOps(
  model: OnnxModel,
  outputs: readonly string[] = model.graph.outputs.map(({ name }) => name),
): readonly UnsupportedOpError[] {
  const versions = new Map(model.opsetImports.map(({ domain, version }) => [domainOf(domain), version]));
  const errors = new Map<string, UnsupportedOpError>();
  for (const node of neededNodes(model.graph, outputs)) {
    const error = problemOf(node, versions);
    if (error !== undefined) errors.set(`${error.domain}.${error.opType}`, error);
  }
  return [...errors.values()];
}

function problemOf(node: OnnxNode, versions: ReadonlyMap<string, number>): UnsupportedOpError | undefined {
  const domain = domainOf(node.domain ?? '');
  const version = versions.get(domain) ?? 1;
  if (evaluationOf(domain, node.opType) === undefined) return new UnsupportedOpError(node, version);
  const tooOld = domain === '' && version < oldestOpset;
  return tooOld
    ? new UnsupportedOpError(node, version, `is older than opset ${oldestOpset}, not supported`)
    : undefined;
}

/** `ai.onnx` is the default domain's other name. */
function domainOf(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

/** What all graphs of one run share. */
interface Run {
  readonly versions: ReadonlyMap<string, number>;
  readonly initializer: (tensor: OnnxInitializer) => Value | undefined;
  readonly memory: { free: number };
}

type Lookup = (name: string) => Value | undefined;

function* graphSteps(
  run: Run,
  graph: OnnxGraph,
  inputs: ReadonlyMap<string, Value>,
  wanted: readonly string[],
  outer: Lookup | undefined,
): Generator<{ readonly done: number; readonly total: number }, ReadonlyMap<string, Value>, void> {
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
    if (tensor === undefined) return outer?.(name);
    const widened = run.initializer(tensor) ?? ownValue(tensor);
    values.set(name, widened);
    return widened;
  };
  const drop = (name: string) => {
    run.memory.free += made.get(name) ?? 0;
    made.delete(name);
    values.delete(name);
  };

  for (const [i, node] of nodes.entries()) {
    const results = evaluateNode(run, node, lookup);
    for (const [j, name] of node.outputs.entries()) {
      const value = results[j];
      if (name === '' || (value === undefined && !lastUse.reads(name))) continue;
      if (value === undefined) throw new InputError(`${describeNode(node)}: gives no output ${j}`);
      drop(name);
      values.set(name, value);
      made.set(name, value.data.length);
      run.memory.free -= value.data.length;
    }
    for (const name of lastUse.of(node)) drop(name);
    yield { done: i + 1, total: nodes.length };
  }
  const results = new Map(wanted.map((name) => [name, lookup(name) ?? missing(graph, name)]));
  for (const name of [...made.keys()]) drop(name);
  return results;
}

function evaluateNode(run: Run, node: OnnxNode, lookup: Lookup): readonly Value[] {
  const domain = domainOf(node.domain ?? '');
  const problem = problemOf(node, run.versions);
  const evaluation = evaluationOf(domain, node.opType);
  if (problem !== undefined || evaluation === undefined) throw problem ?? new UnsupportedOpError(node, 1);
  const inputs = node.inputs.map((name) => (name === '' ? undefined : (lookup(name) ?? missing(node, name))));
  const context = contextOf(node, {
    version: run.versions.get(domain) ?? 1,
    inputs,
    freeElements: () => run.memory.free,
    run: (graph, given) => runSubgraph(run, graph, given, lookup, node),
  });
  try {
    return evaluation(context);
  } catch (error) {
    // What the array functions below find wrong with a model of somebody else's is no bug of ours.
    if (error instanceof RangeError) throw context.fail(`${error.message}; its inputs are ${formatTypes(inputs)}`);
    throw error;
  }
}

function runSubgraph(
  run: Run,
  graph: OnnxGraph,
  given: readonly Value[],
  outer: Lookup,
  node: OnnxNode,
): readonly Value[] {
  if (graph.inputs.length !== given.length) {
    throw new InputError(`${describeNode(node)}: its subgraph has ${graph.inputs.length} inputs, not ${given.length}`);
  }
  const inputs = new Map(given.map((value, i) => [graph.inputs[i]?.name ?? '', value]));
  const wanted = graph.outputs.map(({ name }) => name);
  const steps = graphSteps(run, graph, inputs, wanted, outer);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const { value } = step;
  return wanted.map((name) => value.get(name) ?? missing(node, name));
}

function ownValue(tensor: OnnxInitializer): Value {
  if ('external' in tensor) {
    throw new InputError(
      `onnx/evaluate: the initializer ${quote(tensor.name)} lies in ${quote(tensor.external.location)}, which is not given`,
    );
  }
  return onnxValue(tensor);
}

function missing(where: OnnxNode | OnnxGraph, name: string): never {
  const place = 'opType' in where ? describeNode(where) : 'onnx/evaluate: the graph';
  throw new InputError(`${place}: nothing makes the value ${quote(name)} before it is read`);
}

/** The given inputs, checked against what the graph declares. Those that have an initializer may be left out. */
function inputValues(graph: OnnxGraph, given: Readonly<Record<string, Value>>): ReadonlyMap<string, Value> {
  const initialized = new Set(graph.initializers.map(({ name }) => name));
  const values = new Map<string, Value>();
  for (const info of graph.inputs) {
    const value = Object.hasOwn(given, info.name) ? given[info.name] : undefined;
    if (value !== undefined) values.set(info.name, checked(info, value));
    else if (!initialized.has(info.name)) {
      throw new InputError(`onnx/evaluate: no value is given for the input ${quote(info.name)}`);
    }
  }
  return values;
}

function checked({ name, dtype, shape }: OnnxValueInfo, value: Value): Value {
  const fits =
    value.dtype === elementTypeOf(dtype) &&
    value.data.length === sizeOf(value.shape) &&
    value.shape.length === shape.length &&
    shape.every((dim, axis) => typeof dim === 'string' || dim === value.shape[axis]);
  if (fits) return value;
  throw new InputError(
    `onnx/evaluate: the input ${quote(name)} is ${formatTypes([value])}, expected ${elementTypeOf(dtype)} ${formatShape(shape)}`,
  );
}
