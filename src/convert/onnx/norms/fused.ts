import type { OnnxNode } from '../../../graph/index.ts';
import { type GraphIndex, isKnown } from '../graph.ts';
import { type NormSearch, normName, skipSum } from './norm.ts';

const defaultEpsilon = { LayerNormalization: 1e-5, SkipLayerNormalization: 1e-12 };

/** The norms that are one operator. */
export function fusedNorms(index: GraphIndex): readonly NormSearch[] {
  return index.graph.nodes.flatMap((node, i) => {
    if (!isKnown(node)) return [];
    switch (node.opType) {
      case 'LayerNormalization':
        return [layerNorm(index, node, i)];
      case 'SkipLayerNormalization':
        return [skipLayerNorm(index, node, i)];
      case 'EmbedLayerNormalization':
        return [
          hopeless(
            node,
            'it is one operator with the embeddings that it adds up; export the model without that fusion',
          ),
        ];
      default:
        return [];
    }
  });
}

function layerNorm(index: GraphIndex, node: OnnxNode, i: number): NormSearch {
  const [input = '', weight = '', bias = ''] = node.inputs;
  const [output = '', ...statistics] = node.outputs;
  const rank = index.shapes.shape(input)?.length;
  const context = index.shapes.context(node);
  const width = index.shapes.shape(weight)?.at(-1) ?? index.shapes.shape(input)?.at(-1);
  const axis = context.int('axis') ?? -1;
  const isLast = axis === -1 || axis + 1 === rank;
  if (!isLast) return hopeless(node, 'it normalizes over more than the last axis, or over axes that are not known');
  if (rank === undefined)
    return hopeless(node, 'the shape of its input is not known; run ONNX shape inference on the model');
  if (width === 1) return hopeless(node, 'it has one channel');
  if (weight === '') return hopeless(node, 'it has no weight');
  if (typeof width !== 'number') return hopeless(node, 'its width is not known; run ONNX shape inference on the model');
  if (statistics.some((value) => isRead(index, value))) return hopeless(node, 'the mean that it found is read as well');
  const epsilon = floatOf(node, 'epsilon') ?? defaultEpsilon.LayerNormalization;
  return {
    name: normName(node),
    kind: 'layernorm',
    input,
    axis: rank - 1,
    width,
    epsilon,
    readers: [i],
    centred: undefined,
    fused: {
      nodes: [i],
      output,
      weight,
      bias: bias || undefined,
      epsilon,
      stashType: context.int('stash_type') ?? 1,
      node,
    },
  };
}

function skipLayerNorm(index: GraphIndex, node: OnnxNode, i: number): NormSearch {
  const [input = '', , weight = '', bias = ''] = node.inputs;
  const [output = '', mean = '', deviation = ''] = node.outputs;
  const rank = index.shapes.shape(input)?.length;
  const width = index.shapes.shape(weight)?.at(-1);
  if (rank === undefined || typeof width !== 'number') return hopeless(node, 'the shapes of its inputs are not known');
  if (width === 1) return hopeless(node, 'it has one channel');
  if (isRead(index, mean) || isRead(index, deviation)) return hopeless(node, 'the mean that it found is read as well');
  const epsilon = floatOf(node, 'epsilon') ?? defaultEpsilon.SkipLayerNormalization;
  return {
    name: normName(node),
    kind: 'skip',
    input: skipSum(node),
    axis: rank - 1,
    width,
    epsilon,
    readers: [i],
    centred: undefined,
    fused: { nodes: [i], output, weight, bias: bias || undefined, epsilon, stashType: 1, node },
  };
}

function hopeless(node: OnnxNode, reason: string): NormSearch {
  return { name: normName(node), width: null, epsilon: floatOf(node, 'epsilon') ?? null, reason };
}

function isRead(index: GraphIndex, value: string): boolean {
  return (
    value !== '' && (index.consumers(value).length > 0 || index.isOutput(value) || index.capturedBy(value).length > 0)
  );
}

function floatOf(node: OnnxNode, name: string): number | undefined {
  const attribute = node.attributes?.[name];
  return attribute?.kind === 'float' ? attribute.value : undefined;
}
