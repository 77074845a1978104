import { isFloat } from '../../core/dtype.ts';
import { decodeFloat64 } from '../../core/encoding.ts';
import { quote } from '../../core/quote.ts';
import { originOf, stopText } from './flow/origin.ts';
import type { ChannelScale, Origin, Passage } from './flow/rule.ts';
import { type GraphIndex, nodeText } from './graph.ts';
import { type FoundNorm, skipSum } from './norms/index.ts';

/** More in a row are nobody's. */
const maxFactors = 16;

/** A factor of each channel, from a constant. */
export interface ScaleFactor {
  readonly constant: string;
  readonly inverse: boolean;
}

/** What becomes of a value: multiplied by the factors, if there are some, it loses its mean along the axis. */
export interface Treatment {
  /** Null where one number stands for all channels: it becomes 0. */
  readonly axis: number | null;
  readonly width: number;
  readonly scale: readonly ScaleFactor[];
}

/** An input of a node that is treated for the sake of its output. */
export interface Operand {
  readonly value: string;
  readonly input: number;
  readonly treatment: Treatment;
  readonly isConstant: boolean;
  readonly isWeight: boolean;
}

/** A value on the way from producers to norms. */
export interface TracedValue {
  readonly value: string;
  readonly treatment: Treatment;
  /** The node that makes it; undefined for what comes from outside. */
  readonly node: number | undefined;
  /** Empty where the value can't be treated, or needs no treatment. */
  readonly operands: readonly Operand[];
  /** The input that passes where the node multiplies by factors, which then does so no more. */
  readonly bypass: number | undefined;
  /** Why it can't lose its mean, as a sentence; undefined where it can. */
  readonly problem: string | undefined;
}

/** Everything that is connected with the inputs of norms through ops that hand a mean on, by value. */
export type Trace = ReadonlyMap<string, TracedValue>;

/** What the steps of a trace ask again and again. */
interface Known {
  readonly index: GraphIndex;
  readonly norms: readonly FoundNorm[];
  /** Values without a mean over an axis, by `axisKey`. */
  readonly centred: ReadonlySet<string>;
  /** The nodes of the sums inside of SkipLayerNormalizations. */
  readonly skips: ReadonlyMap<string, number>;
  readonly origin: (node: number, output: number, axis: number, width: number) => CachedOrigin;
}

interface CachedOrigin {
  readonly origin: Origin;
  /** The axes of the inputs that pass. */
  readonly axes: ReadonlyMap<number, number | null>;
}

/** Follows the norms' inputs back to what they are made from, and from all of it forth to whatever else reads it. */
export function traceStreams(index: GraphIndex, norms: readonly FoundNorm[]): Trace {
  const known = knownOf(index, norms);
  const normsByInput = new Map<string, number[]>();
  for (const [i, { input }] of norms.entries()) listAt(normsByInput, input).push(i);

  const traced = new Map<string, TracedValue>();
  const wanted: { readonly value: string; readonly treatment: Treatment }[] = norms.map((norm) => ({
    value: norm.input,
    treatment: { axis: norm.axis, width: norm.width, scale: [] },
  }));
  for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
    const { value, treatment } = next;
    const before = traced.get(value);
    if (before !== undefined) {
      if (sameTreatment(before.treatment, treatment) || before.problem !== undefined) continue;
      traced.set(value, { ...before, problem: `${quote(value)} would have to be changed in two ways at once` });
      continue;
    }
    const readers = normsByInput.get(value) ?? [];
    const backward = traceBack(known, value, treatment);
    const forward = traceForth(known, readers, value, treatment);
    const { node, operands, bypass } = backward;
    const problem = backward.problem ?? forward.problem;
    traced.set(value, { value, treatment, node, operands, bypass, problem });
    for (const operand of operands) if (!operand.isConstant) wanted.push(operand);
    for (const output of forward.wanted) wanted.push(output);
  }
  return traced;
}

function knownOf(index: GraphIndex, norms: readonly FoundNorm[]): Known {
  const origins = new Map<string, CachedOrigin>();
  return {
    index,
    norms,
    centred: new Set(norms.flatMap((norm) => centredOutputs(index, norm).map((value) => axisKey(value, norm.axis)))),
    skips: new Map(norms.filter(({ kind }) => kind === 'skip').map(({ input, readers }) => [input, readers[0] ?? 0])),
    origin(node, output, axis, width) {
      const key = `${node} ${output} ${axis} ${width}`;
      const before = origins.get(key);
      if (before !== undefined) return before;
      const origin = originOf(index, node, output, axis, width);
      const passages = origin.kind === 'from' ? origin.passages : [];
      const cached = { origin, axes: new Map(passages.map((passage) => [passage.input, passage.axis])) };
      origins.set(key, cached);
      return cached;
    },
  };
}

type Backward = Pick<TracedValue, 'node' | 'operands' | 'bypass' | 'problem'>;

function traceBack(known: Known, value: string, treatment: Treatment): Backward {
  const { index } = known;
  const producer = producerOf(known, value);
  const nothing = { node: producer?.node, operands: [], bypass: undefined };
  if (producer === undefined) {
    const isConstant = index.constant(value) !== undefined;
    const what = index.isInput(value) ? 'an input of the model' : isConstant ? 'a constant' : 'not made in the graph';
    return { ...nothing, problem: `${quote(value)} is ${what}` };
  }
  if (treatment.axis === null) return { ...nothing, problem: `${quote(value)} is one number for all channels` };
  const isCentred = known.centred.has(axisKey(value, treatment.axis));
  if (isCentred && treatment.scale.length === 0) return { ...nothing, problem: undefined };
  const { origin } = known.origin(producer.node, producer.output, treatment.axis, treatment.width);
  if (origin.kind === 'stop') return { ...nothing, problem: stopText(index, producer.node, origin.reason) };
  const { inputs } = index.node(producer.node);
  const scale = [...factorsOf(origin.scale, inputs), ...treatment.scale];
  if (scale.length > maxFactors)
    return { ...nothing, problem: `${quote(value)} is scaled more than ${maxFactors} times` };
  const operands = origin.passages.map((passage) => operandOf(index, inputs, passage, { ...treatment, scale }));
  const problem = operands.map((operand) => operandProblem(index, operand)).find((text) => text !== undefined);
  if (problem !== undefined) return { ...nothing, problem };
  return {
    node: producer.node,
    operands,
    bypass: origin.scale === undefined ? undefined : origin.passages[0]?.input,
    problem: undefined,
  };
}

/** A mean that was just taken out isn't there, and a LayerNorm whose weights are all the same brings none in. */
function centredOutputs(index: GraphIndex, { centred, fused }: FoundNorm): readonly string[] {
  const outputs = centred === undefined ? [] : [centred];
  if (fused === undefined) return outputs;
  const weight = fused.weight === undefined ? [1] : valuesOf(index, fused.weight);
  const bias = fused.bias === undefined ? [0] : valuesOf(index, fused.bias);
  const isPlain = weight?.every((w) => w === weight[0]) === true && bias?.every((b) => b === 0) === true;
  return isPlain ? [...outputs, fused.output] : outputs;
}

/** The numbers of a constant that is in the file. */
function valuesOf(index: GraphIndex, value: string): Float64Array | undefined {
  const tensor = index.constant(value);
  if (tensor === undefined || !('data' in tensor) || !isFloat(tensor.dtype)) return undefined;
  return decodeFloat64(tensor.data, tensor.dtype);
}

function operandOf(index: GraphIndex, inputs: readonly string[], passage: Passage, treatment: Treatment): Operand {
  const { input, axis, isWeight } = passage;
  const value = inputs[input] ?? '';
  return {
    value,
    input,
    treatment: { ...treatment, axis },
    isConstant: index.constant(value) !== undefined,
    isWeight: isWeight === true,
  };
}

/** Why an operand can't lose its mean whatever it is made from. */
function operandProblem(index: GraphIndex, { value, treatment, isConstant, isWeight }: Operand): string | undefined {
  const { axis, width, scale } = treatment;
  if (isConstant && !isFloat(index.constant(value)?.dtype ?? 'int64')) return `${quote(value)} holds integers`;
  const length = axis === null ? 1 : index.shapes.shape(value)?.[axis];
  if (typeof length !== 'number' || length === width) return undefined;
  // One number for all channels is all mean, and becomes 0.
  if (length === 1 && isConstant && !isWeight && scale.length === 0) return undefined;
  return `${quote(value)} does not have ${width} channels`;
}

interface Forward {
  readonly problem: string | undefined;
  readonly wanted: readonly { readonly value: string; readonly treatment: Treatment }[];
}

function traceForth(known: Known, readers: readonly number[], value: string, treatment: Treatment): Forward {
  const { index, norms } = known;
  const blocked = (problem: string): Forward => ({ problem, wanted: [] });
  if (index.isOutput(value)) return blocked(`${quote(value)} is an output of the model, which must keep its mean`);
  const [capturing] = index.capturedBy(value);
  if (capturing !== undefined)
    return blocked(`${quote(value)} is read in a subgraph of ${nodeText(index.node(capturing))}`);
  const ownNodes = new Set(readers.flatMap((norm) => norms[norm]?.readers ?? []));
  const fits = readers.every((norm) => norms[norm]?.axis === treatment.axis && norms[norm]?.width === treatment.width);
  if (readers.length > 0 && (!fits || treatment.scale.length > 0)) {
    return blocked(`${quote(value)} is normalized over another axis, or before it is scaled`);
  }
  const wanted: { value: string; treatment: Treatment }[] = [];
  for (const { node, input } of index.consumers(value)) {
    // A norm reads its input first; as its weight it would see the mean.
    if (input === 0 && ownNodes.has(node) && index.node(node).opType !== 'SkipLayerNormalization') continue;
    if (readsShapeOnly(index, node)) continue;
    const outputs = outputsThrough(known, node, input, treatment);
    if (outputs.length === 0) {
      return blocked(`${nodeText(index.node(node))} reads ${quote(value)}, and not as a norm does`);
    }
    wanted.push(...outputs);
  }
  return { problem: undefined, wanted };
}

/** The outputs of a node that lose their means when this input does. */
function outputsThrough({ index, origin }: Known, node: number, input: number, treatment: Treatment) {
  const at = index.node(node);
  const { width, scale } = treatment;
  return outputsOf(at).flatMap((value, output) => {
    const rank = value === '' ? 0 : (index.shapes.shape(nameInShapes(at, output))?.length ?? 0);
    for (let axis = 0; axis < rank; axis++) {
      const { origin: way, axes } = origin(node, output, axis, width);
      if (way.kind !== 'from' || !axes.has(input) || axes.get(input) !== treatment.axis) continue;
      const own = factorsOf(way.scale, at.inputs);
      if (!sameFactors(own, scale.slice(0, own.length))) continue;
      return [{ value, treatment: { axis, width, scale: scale.slice(own.length) } }];
    }
    return [];
  });
}

// ONNX Runtime's SkipLayerNormalization is an addition and a norm: its fourth output, asked for or not, is the sum.

function producerOf({ index, skips }: Known, value: string) {
  const producer = index.producer(value);
  if (producer !== undefined) return producer;
  const node = skips.get(value);
  return node === undefined ? undefined : { node, output: 3 };
}

function outputsOf(node: ReturnType<GraphIndex['node']>): readonly string[] {
  return node.opType === 'SkipLayerNormalization' ? ['', '', '', skipSum(node)] : node.outputs;
}

function nameInShapes(node: ReturnType<GraphIndex['node']>, output: number): string {
  return node.outputs[node.opType === 'SkipLayerNormalization' ? 0 : output] ?? '';
}

function readsShapeOnly(index: GraphIndex, node: number): boolean {
  return ['Shape', 'Size'].includes(index.node(node).opType);
}

function factorsOf(scale: ChannelScale | undefined, inputs: readonly string[]): readonly ScaleFactor[] {
  return scale === undefined ? [] : [{ constant: inputs[scale.input] ?? '', inverse: scale.inverse }];
}

const axisKey = (value: string, axis: number) => `${axis} ${value}`;

function listAt<T>(lists: Map<string, T[]>, key: string): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

export function sameTreatment(a: Treatment, b: Treatment): boolean {
  return a.axis === b.axis && a.width === b.width && sameFactors(a.scale, b.scale);
}

function sameFactors(a: readonly ScaleFactor[], b: readonly ScaleFactor[]): boolean {
  return a.length === b.length && a.every((f, i) => f.constant === b[i]?.constant && f.inverse === b[i]?.inverse);
}
