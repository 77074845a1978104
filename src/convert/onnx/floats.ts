import { isFloat } from '../../core/dtype.ts';
import { constantTensor, knownDomains, type OnnxGraph, type OnnxNode, onnxDTypes } from '../../graph/index.ts';

/** Operators that count, compare or quantize, whatever they read. */
const neverFloat = new Set(
  `And ArgMax ArgMin BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor ConvInteger DynamicQuantizeLinear Equal Greater
  GreaterOrEqual IsInf IsNaN Less LessOrEqual MatMulInteger Multinomial NonMaxSuppression NonZero Not Or QLinearConv
  QLinearMatMul QuantizeLinear Shape Size StringNormalizer Unique Xor`.split(/\s+/),
);
/** Operators whose further outputs are of another type than the first one. */
const mixed = new Set(['Dropout', 'MaxPool', 'TopK']);
/** Operators of which only the file can tell. */
const untold = new Set(['If', 'Loop', 'Scan', 'OneHot', 'Optional', 'OptionalGetElement', 'SequenceAt', 'SequenceMap']);

/** The values that surely are floats. Of an integer no mean can be taken out. */
export function floatValues(graph: OnnxGraph): ReadonlySet<string> {
  const said = new Map(
    [...(graph.valueInfos ?? []), ...graph.outputs].map(({ name, dtype }) => [name, isFloat(dtype)]),
  );
  const known = [...graph.inputs, ...graph.initializers].filter(({ dtype }) => isFloat(dtype));
  const floats = new Set(known.map(({ name }) => name));
  for (const node of graph.nodes) {
    for (const [output, value] of node.outputs.entries()) {
      if (said.get(value) ?? givesFloat(node, output, floats)) floats.add(value);
    }
  }
  return floats;
}

function givesFloat(node: OnnxNode, output: number, floats: ReadonlySet<string>): boolean {
  const { opType, inputs, attributes, domain = '' } = node;
  if (!knownDomains.has(domain) || neverFloat.has(opType) || untold.has(opType)) return false;
  if (output > 0 && mixed.has(opType)) return false;
  const reads = (input: number) => floats.has(inputs[input] ?? '');
  switch (opType) {
    case 'Constant': {
      const tensor = constantTensor(node);
      return tensor !== undefined && isFloat(tensor.dtype);
    }
    case 'Cast': {
      const dtype = attributes?.to?.kind === 'int' ? onnxDTypes.get(attributes.to.value) : undefined;
      return dtype !== undefined && isFloat(dtype);
    }
    case 'ConstantOfShape':
      return attributes?.value?.kind !== 'tensor' || isFloat(attributes.value.value.dtype);
    case 'EmbedLayerNormalization':
      return true;
    case 'CastLike':
    case 'Where':
      return reads(1);
    default:
      return reads(0);
  }
}
