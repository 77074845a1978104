import { byteSizes } from '../../../core/dtype.ts';
import { decodeFloat64 } from '../../../core/encoding.ts';
import type { Dim, Shape } from '../../../core/shape.ts';
import { sizeOf } from '../../../core/shape.ts';
import type { OnnxGraph, OnnxInitializer, OnnxNode, OnnxTensor } from '../types.ts';
import { isAnyInteger, type Known, maxRank, type ShapeContext, type ShapeRule } from './context.ts';
import { fileSymbol, isTooLong } from './dims.ts';
import { elementwiseShapes } from './elementwise.ts';
import { layoutShapes } from './layout.ts';
import { makingShapes } from './make.ts';
import { reduceShapes } from './reduce.ts';

const rules: Readonly<Record<string, ShapeRule>> = {
  ...elementwiseShapes,
  ...layoutShapes,
  ...reduceShapes,
  ...makingShapes,
};
const rulesByOp = new Map(Object.entries(rules));

/** ONNX's own operators, and those of ONNX Runtime, whose names don't clash with them. */
export const knownDomains: ReadonlySet<string> = new Set(['', 'ai.onnx', 'com.microsoft']);

export interface InferredShapes {
  readonly shape: (value: string) => Shape | undefined;
  readonly contents: (value: string) => readonly Dim[] | undefined;
  /** The context in which a node's shapes were inferred, for who asks more of its inputs. */
  readonly context: (node: OnnxNode) => ShapeContext;
}

/**
 * What can be said of the shapes of a graph's values without running it: ranks, known lengths, and which unknown ones are
 * equal. Small lists of integers are followed through the arithmetic that exporters write for a Reshape. Where nothing
 * follows, what the file says of a value is taken; values that neither tells of are left out.
 */
export function inferShapes(graph: OnnxGraph, opset: number): InferredShapes {
  const known = new Map<string, Known>();
  let count = 0;
  const fresh = () => `?${count++}`;
  const integer = () => `!${count++}`;
  for (const { name, shape } of [...(graph.valueInfos ?? []), ...graph.outputs, ...graph.inputs]) {
    known.set(name, { shape: limited(shape.map(fromFile)) });
  }
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  for (const tensor of graph.initializers) {
    const { shape, contents } = knownOf(tensor);
    // A caller may give an input other numbers than the file does.
    known.set(tensor.name, inputs.has(tensor.name) ? { shape } : { shape, contents });
  }

  const context = (node: OnnxNode): ShapeContext => {
    const of = (input: number) => known.get(node.inputs[input] ?? '');
    const contents = (input: number) => of(input)?.contents;
    return {
      node,
      opset,
      shape: (input) => of(input)?.shape,
      contents,
      numbers(input) {
        const list = contents(input);
        return list?.every((dim) => typeof dim === 'number') ? list : undefined;
      },
      int: (name) => {
        const attribute = attributeOf(node, name);
        return attribute?.kind === 'int' ? attribute.value : undefined;
      },
      ints: (name) => {
        const attribute = attributeOf(node, name);
        return attribute?.kind === 'ints' ? attribute.value : undefined;
      },
      fresh,
      integer,
    };
  };

  for (const node of graph.nodes) {
    const outputs = inferNode(node, context(node));
    for (const [i, name] of node.outputs.entries()) {
      const inferred = outputs[i];
      const lengths = limited(inferred?.shape)?.map((dim) => (isAnyInteger(dim) || isTooLong(dim) ? fresh() : dim));
      const contents = limited(inferred?.contents)?.map((dim) => (isTooLong(dim) ? integer() : dim));
      if (name !== '') known.set(name, { shape: merged(lengths, known.get(name)?.shape), contents });
    }
  }
  return { shape: (value) => known.get(value)?.shape, contents: (value) => known.get(value)?.contents, context };
}

function inferNode(node: OnnxNode, context: ShapeContext): readonly (Known | undefined)[] {
  if (!knownDomains.has(node.domain ?? '')) return [];
  const tensor = constantTensor(node);
  if (tensor !== undefined) return [knownOf(tensor)];
  return rulesByOp.get(node.opType)?.(context) ?? [];
}

/** The value of a `Constant` node, as an initializer would hold it; undefined for other nodes, and where it is text. */
export function constantTensor(node: OnnxNode): OnnxTensor | undefined {
  if (node.opType !== 'Constant' || !knownDomains.has(node.domain ?? '')) return undefined;
  const [name = ''] = node.outputs;
  const { value, value_float, value_floats, value_int, value_ints } = node.attributes ?? {};
  if (value?.kind === 'tensor') return { ...value.value, name };
  if (value_float?.kind === 'float') return floats(name, [], [value_float.value]);
  if (value_floats?.kind === 'floats') return floats(name, [value_floats.value.length], value_floats.value);
  if (value_int?.kind === 'int') return integers(name, [], [value_int.value]);
  if (value_ints?.kind === 'ints') return integers(name, [value_ints.value.length], value_ints.value);
  return undefined;
}

function floats(name: string, shape: readonly number[], values: readonly number[]): OnnxTensor {
  return { name, dtype: 'float32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

function integers(name: string, shape: readonly number[], values: readonly number[]): OnnxTensor {
  return { name, dtype: 'int64', shape, data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) };
}

function knownOf(tensor: OnnxInitializer): Known {
  const { shape, dtype } = tensor;
  const counts = dtype === 'int64' || dtype === 'int32' || dtype === 'bool';
  const short = shape.length <= 1 && sizeOf(shape) <= maxRank;
  if (!counts || !short || !('data' in tensor) || tensor.data.length !== sizeOf(shape) * byteSizes[dtype]) {
    return { shape: limited(shape) };
  }
  return { shape, contents: [...decodeFloat64(tensor.data, dtype)] };
}

/** What was inferred, with known lengths from the file where it has none. */
function merged(inferred: Shape | undefined, given: Shape | undefined): Shape | undefined {
  if (inferred === undefined) return given;
  if (given?.length !== inferred.length) return inferred;
  return inferred.map((dim, i) => {
    const said = given[i];
    return typeof dim === 'string' && typeof said === 'number' ? said : dim;
  });
}

function attributeOf(node: OnnxNode, name: string) {
  return node.attributes !== undefined && Object.hasOwn(node.attributes, name) ? node.attributes[name] : undefined;
}

function fromFile(dim: Dim): Dim {
  return typeof dim === 'string' ? fileSymbol(dim) : dim;
}

function limited<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length > maxRank ? undefined : list;
}
