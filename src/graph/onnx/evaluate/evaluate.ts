import { InputError } from '../../../core/errors.ts';
import { quote } from '../../../core/quote.ts';
import { formatShape, sizeOf } from '../../../core/shape.ts';
import { formatTypes, type Value } from '../../tensor.ts';
import type { OnnxGraph, OnnxInitializer, OnnxModel, OnnxValueInfo } from '../types.ts';
import type { UnsupportedOpError } from './context.ts';
import { type FunctionTable, functionTable } from './functions.ts';
import { neededNodes } from './liveness.ts';
import { graphSteps, problemOf, type Step, versionsOf } from './run.ts';
import { elementTypeOf } from './values.ts';

/** 2 GiB of float64. */
const defaultMaxElements = 2 ** 28;

/** More than any exported model has with its loops unrolled, and few enough to come to an end. */
const maxNodes = 2 ** 17;

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
 * @throws InputError for inputs that are missing or don't fit, models that contradict themselves, values of more
 *   than `maxElements` elements, and loops that have no end
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
): Generator<Step, ReadonlyMap<string, Value>, void> {
  const wanted = outputs ?? model.graph.outputs.map(({ name }) => name);
  const [unsupported] = unsupportedOps(model, wanted);
  if (unsupported !== undefined) throw unsupported;
  const run = {
    functions: functionTable(model),
    initializer: initializer ?? (() => undefined),
    left: { elements: maxElements, nodes: maxNodes },
  };
  const scope = { versions: versionsOf(model.opsetImports), outer: undefined };
  return yield* graphSteps(run, model.graph, inputValues(model.graph, inputs), wanted, scope);
}

/**
 * What keeps the evaluator from computing the outputs of a model, one error for each operator; functions are looked into,
 * branches not.
 */
export function unsupportedOps(
  model: OnnxModel,
  outputs: readonly string[] = model.graph.outputs.map(({ name }) => name),
): readonly UnsupportedOpError[] {
  const errors = new Map<string, UnsupportedOpError>();
  const versions = versionsOf(model.opsetImports);
  collectProblems(model.graph, outputs, versions, functionTable(model), new Set(), errors);
  return [...errors.values()];
}

function collectProblems(
  graph: Pick<OnnxGraph, 'nodes'>,
  outputs: readonly string[],
  versions: ReadonlyMap<string, number>,
  functions: FunctionTable,
  visited: Set<unknown>,
  errors: Map<string, UnsupportedOpError>,
): void {
  for (const node of neededNodes(graph, outputs)) {
    const called = functions.of(node);
    if (called === undefined) {
      const error = problemOf(node, versions);
      if (error !== undefined) errors.set(`${error.domain}.${error.opType}`, error);
    } else if (!visited.has(called)) {
      visited.add(called);
      collectProblems(called, called.outputs, versionsOf(called.opsetImports), functions, visited, errors);
    }
  }
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
