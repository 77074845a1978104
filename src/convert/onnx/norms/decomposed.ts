import { isFloat } from '../../../core/dtype.ts';
import { decodeFloat64 } from '../../../core/encoding.ts';
import { sizeOf } from '../../../core/shape.ts';
import { axesOf, type OnnxNode } from '../../../graph/index.ts';
import { type GraphIndex, isStandard } from '../graph.ts';
import { type FoundNorm, type FusedNorm, normName } from './norm.ts';

/**
 * The norms that are written as single operations: every `x − mean(x)` over one axis is the start of one. What comes after
 * doesn't matter for leaving the mean out; where it is what exporters write for a LayerNorm, the whole can become one operator.
 */
export function decomposedNorms(index: GraphIndex): readonly FoundNorm[] {
  return index.graph.nodes.flatMap((node, i) => {
    const mean = meanOf(index, node);
    if (mean === undefined) return [];
    const readers = index.consumers(mean.output);
    const subtractions = new Set(readers.map((reader) => reader.node));
    const [subtraction] = subtractions;
    if (subtractions.size !== 1 || subtraction === undefined || isSeen(index, mean.output)) return [];
    const sub = index.node(subtraction);
    const [centred = ''] = sub.outputs;
    if (!isOp(sub, 'Sub') || sub.inputs[0] !== mean.input || sub.inputs[1] !== mean.output) return [];
    const match = matchLayerNorm(index, centred, mean);
    return [
      {
        name: normName(match?.last ?? sub),
        kind: match === undefined ? 'centring' : 'decomposed',
        input: mean.input,
        axis: mean.axis,
        width: mean.width,
        epsilon: match?.epsilon ?? null,
        readers: [i, subtraction],
        centred,
        fused:
          match?.fused === undefined ? undefined : { ...match.fused, nodes: [i, subtraction, ...match.fused.nodes] },
      },
    ];
  });
}

interface Mean {
  readonly input: string;
  readonly output: string;
  readonly axis: number;
  readonly width: number;
}

/** A ReduceMean over one axis of a known length that keeps the axis. */
function meanOf(index: GraphIndex, node: OnnxNode): Mean | undefined {
  if (!isOp(node, 'ReduceMean')) return undefined;
  const [input = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const shape = index.shapes.shape(input);
  const context = index.shapes.context(node);
  if (shape === undefined || context.int('keepdims') === 0) return undefined;
  const axes = axesOf(context, 1, shape.length);
  const [axis] = axes === undefined || axes === 'absent' ? [] : axes;
  if (axis === undefined || axes?.length !== 1) return undefined;
  const width = shape[axis];
  return typeof width === 'number' && width > 1 ? { input, output, axis, width } : undefined;
}

interface Match {
  readonly epsilon: number;
  /** Where all of it is for one operator to do. */
  readonly fused: FusedNorm | undefined;
  /** The last node that belongs to it. */
  readonly last: OnnxNode;
}

/** diff² → mean → + ε → root → diff divided by it, then maybe · weight, then maybe + bias; casts in between leave it unfused. */
function matchLayerNorm(index: GraphIndex, centred: string, mean: Mean): Match | undefined {
  const nodes: number[] = [];
  let cast = false;
  /** The one node that reads a value, if it is of one of these operators; a cast in between is taken along. */
  const next = (value: string, ...names: readonly string[]): OnnxNode | undefined => {
    const reader = onlyReader(index, value);
    if (reader === undefined) return undefined;
    nodes.push(reader.at);
    if (names.some((name) => isOp(reader.node, name))) return reader.node;
    const behind = isOp(reader.node, 'Cast') ? onlyReader(index, output(reader.node)) : undefined;
    if (behind === undefined || !names.some((name) => isOp(behind.node, name))) return undefined;
    cast = true;
    nodes.push(behind.at);
    return behind.node;
  };
  // Where it is widened first, the rest reads that.
  const widened = onlyReader(index, centred);
  const base = widened !== undefined && isOp(widened.node, 'Cast') ? output(widened.node) : centred;
  cast = base !== centred;
  const square = squareOf(index, base);
  if (square === undefined) return undefined;
  nodes.push(...square.nodes);
  cast ||= square.nodes.length > 1;
  const average = next(square.output, 'ReduceMean');
  if (average === undefined || meanOf(index, average)?.axis !== mean.axis) return undefined;
  const sum = next(output(average), 'Add');
  const epsilon = sum?.inputs.map((value) => scalar(index, value)).find((value) => value !== undefined);
  if (sum === undefined || epsilon === undefined) return undefined;
  const root = next(output(sum), 'Sqrt');
  const reciprocal = root === undefined ? undefined : next(output(root), 'Reciprocal');
  const divisor = output(reciprocal ?? root);
  const division = next(divisor, reciprocal === undefined ? 'Div' : 'Mul');
  if (root === undefined || division === undefined) return undefined;
  const other = division.inputs.find((value) => value !== divisor);
  if (reciprocal === undefined && division.inputs[1] !== divisor) return undefined;
  if (other !== base) cast = true;
  const readers = index.consumers(centred).map(({ node }) => node);
  const own = new Set(nodes);
  const isWhole = readers.every((node) => own.has(node)) && !isSeen(index, centred);
  const rank = index.shapes.shape(mean.input)?.length ?? 0;

  let last = division;
  const vector = (node: OnnxNode | undefined): string | undefined =>
    node?.inputs.find((value) => value !== output(last) && isVector(index, value, mean.width));
  const ownNodes = nodes.length;
  const product = next(output(last), 'Mul');
  const weight = vector(product);
  if (product === undefined || weight === undefined) nodes.length = ownNodes;
  else last = product;
  const withWeight = nodes.length;
  const shifted = next(output(last), 'Add');
  const bias = vector(shifted);
  if (shifted === undefined || bias === undefined) nodes.length = withWeight;
  else last = shifted;
  // Numbers of more axes than the input add theirs to the output.
  const hasSameAxes = index.shapes.shape(output(last))?.length === rank;
  const fits = isWhole && !cast && hasSameAxes && mean.axis === rank - 1;
  return {
    epsilon,
    last,
    fused: fits
      ? { nodes: [...nodes], output: output(last), weight, bias, epsilon, stashType: 1, node: undefined }
      : undefined,
  };
}

/** Pow(x, 2) or Mul(x, x), where a cast may come first. */
function squareOf(index: GraphIndex, value: string): { nodes: readonly number[]; output: string } | undefined {
  const isSquare = (node: OnnxNode, of: string) => {
    const [a, b = ''] = node.inputs;
    return a === of && ((isOp(node, 'Pow') && scalar(index, b) === 2) || (isOp(node, 'Mul') && b === of));
  };
  for (const { node: at } of index.consumers(value)) {
    const node = index.node(at);
    if (isSquare(node, value)) return { nodes: [at], output: output(node) };
    const behind = isOp(node, 'Cast') ? onlyReader(index, output(node)) : undefined;
    if (behind && isSquare(behind.node, output(node))) return { nodes: [at, behind.at], output: output(behind.node) };
  }
  return undefined;
}

/** The node that reads a value, where there is only one and nobody else sees it. */
function onlyReader(index: GraphIndex, value: string): { readonly at: number; readonly node: OnnxNode } | undefined {
  const [at, ...others] = index.consumers(value).map(({ node }) => node);
  if (at === undefined || others.some((other) => other !== at) || isSeen(index, value)) return undefined;
  return { at, node: index.node(at) };
}

function scalar(index: GraphIndex, value: string): number | undefined {
  const tensor = index.constant(value);
  if (tensor === undefined || !('data' in tensor) || sizeOf(tensor.shape) !== 1) return undefined;
  return decodeFloat64(tensor.data, tensor.dtype)[0];
}

function isVector(index: GraphIndex, value: string, width: number): boolean {
  const tensor = index.constant(value);
  return tensor !== undefined && isFloat(tensor.dtype) && tensor.shape.length === 1 && tensor.shape[0] === width;
}

/** Whether somebody outside of the graph's nodes sees a value. */
function isSeen(index: GraphIndex, value: string): boolean {
  return index.isOutput(value) || index.capturedBy(value).length > 0;
}

function isOp(node: OnnxNode, name: string): boolean {
  return node.opType === name && isStandard(node);
}

function output(node: OnnxNode | undefined): string {
  return node?.outputs[0] ?? '';
}
