import { RefusalError } from '../../../core/errors.ts';
import { quote } from '../../../core/quote.ts';
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxOpset } from '../../../graph/index.ts';
import { type GraphIndex, isStandard, nodeText } from '../graph.ts';
import type { Builder } from './builder.ts';

/** The first operator set whose changes are known here, and the last. */
const known = { first: 13, last: 23 } as const;

/** The version of the file format that came with the last one. */
export const raisedIrVersion = 11;

/**
 * Operators that mean something else from a version on, and what to do about it; all other changes between the known
 * versions add types and options. From ONNX's changelog of operators.
 */
const changes: Readonly<Record<string, readonly [version: number, Raise]>> = {
  BatchNormalization: [14, (node) => (node.outputs.length === 1 ? node : 'its further outputs changed')],
  RoiAlign: [16, () => 'its coordinates are half a pixel off'],
  GridSample: [20, () => 'its modes got other names'],
  DFT: [20, () => 'its axis became an input'],
  GroupNormalization: [21, () => 'its weights got another shape'],
  Split: [18, (node) => (node.inputs[1] ? node : withAttribute(node, 'num_outputs', node.outputs.length))],
  ...Object.fromEntries(
    'ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare'
      .split(' ')
      .map((name) => [name, [18, axesAsInput]] as const),
  ),
};

/** A node of the newer version, or why there is none. */
type Raise = (node: OnnxNode, builder: Pick<Builder, 'constant'>) => OnnxNode | string;

function axesAsInput(node: OnnxNode, builder: Pick<Builder, 'constant'>): OnnxNode {
  const { axes, ...attributes } = node.attributes ?? {};
  if (axes?.kind !== 'ints') return node;
  const input = builder.constant('int64', [axes.value.length], axes.value);
  return { ...node, inputs: [node.inputs[0] ?? '', input], attributes };
}

function withAttribute(node: OnnxNode, name: string, value: number): OnnxNode {
  const attribute: OnnxAttribute = { kind: 'int', value };
  return { ...node, attributes: { ...node.attributes, [name]: attribute } };
}

/** Throws RefusalError where a model can't be said in an operator set that it doesn't import. */
export function checkOpset(index: GraphIndex, { functions = [] }: OnnxModel, opset: number, source: string): void {
  const from = index.opset;
  if (opset === from) return;
  const range = `--opset ${opset}: ${source} imports operator set ${from}`;
  if (opset < from) throw new RefusalError(`${range}, which can only be raised; leave it out`);
  if (opset > known.last) throw new RefusalError(`${range}, and can be raised up to ${known.last}`);
  if (from < known.first) {
    throw new RefusalError(`${range}; raise it to ${known.first} first, with onnx.version_converter or a new export`);
  }
  const [first] = functions;
  if (first !== undefined) {
    throw new RefusalError(`${range}, and so does its function ${quote(first.name)}; inline it first (onnx.inliner)`);
  }
  const constant = () => '';
  for (const { node, isNested } of allNodes(index.graph)) {
    const raised = raise(node, from, opset, { constant });
    const reason =
      typeof raised === 'string' ? raised : isNested && raised !== node ? 'it is in a subgraph' : undefined;
    if (reason === undefined) continue;
    throw new RefusalError(`${range}, and ${nodeText(node)} can't be raised to ${opset}: ${reason}; leave --opset out`);
  }
}

/** A node as a newer operator set says it; the node itself where nothing changed. */
export function raisedNode(node: OnnxNode, from: number, to: number, builder: Pick<Builder, 'constant'>): OnnxNode {
  const raised = raise(node, from, to, builder);
  if (typeof raised === 'string') throw new Error(`onnx: ${nodeText(node)} can't be raised: ${raised}`);
  return raised;
}

function raise(node: OnnxNode, from: number, to: number, builder: Pick<Builder, 'constant'>): OnnxNode | string {
  const change = isStandard(node) && Object.hasOwn(changes, node.opType) ? changes[node.opType] : undefined;
  return change !== undefined && from < change[0] && to >= change[0] ? change[1](node, builder) : node;
}

/** What a raised file imports. */
export function raisedOpsets(imports: readonly OnnxOpset[], opset: number): readonly OnnxOpset[] {
  const own = imports.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  return own === undefined || own.version === opset ? [] : [{ domain: own.domain, version: opset }];
}

function* allNodes(graph: OnnxGraph, isNested = false): Generator<{ node: OnnxNode; isNested: boolean }> {
  for (const node of graph.nodes) {
    yield { node, isNested };
    for (const attribute of Object.values(node.attributes ?? {})) {
      if (attribute.kind === 'graph') yield* allNodes(attribute.value, true);
    }
  }
}
