import type { FloatDType } from '../../../core/dtype.ts';
import { isFloat } from '../../../core/dtype.ts';
import { RefusalError } from '../../../core/errors.ts';
import { quote } from '../../../core/quote.ts';
import { type OnnxAttribute, onnxTypeCodes } from '../../../graph/index.ts';
import type { GraphIndex } from '../graph.ts';
import type { FoundNorm, FusedNorm } from '../norms/index.ts';
import type { Builder } from './builder.ts';

/**
 * What a norm is written as: ONNX's RMSNormalization (from operator set 23 on), ONNX Runtime's SimplifiedLayerNormalization,
 * or single operations, which every runtime has. A decomposed norm can also stay as it is but for its mean: `inPlace`.
 */
export const normForms = ['rmsnormalization', 'simplified', 'primitive', 'inPlace'] as const;
export type NormForm = (typeof normForms)[number];

/** The first operator set with RMSNormalization. */
export const rmsNormOpset = 23;

/** What the user may ask for; `auto` is the newest of them that asks no more of a runtime than the model did or must. */
export const normOps = ['auto', 'rmsnormalization', 'simplified', 'primitive'] as const;
export type NormOps = (typeof normOps)[number];

const mostOnes = 2 ** 16;

/** The form of a converted norm. */
export function formOf(norm: FoundNorm, asked: NormOps, opset: number): NormForm {
  const isSingleOps = norm.kind === 'decomposed' || norm.kind === 'centring';
  if (norm.fused === undefined) return 'inPlace';
  // Ones would have to be made, as many as somebody says that there are channels.
  if (norm.fused.weight === undefined && norm.width > mostOnes) return 'inPlace';
  // The attribute is a float32 number.
  if (isSingleOps && Math.fround(norm.fused.epsilon) !== norm.fused.epsilon) return 'inPlace';
  switch (asked) {
    case 'auto':
      if (opset >= rmsNormOpset && norm.kind !== 'skip') return 'rmsnormalization';
      return isSingleOps ? 'inPlace' : 'simplified';
    case 'primitive':
      return isSingleOps ? 'inPlace' : 'primitive';
    default:
      return asked;
  }
}

/** The nodes of an RMSNorm that gives the output which the LayerNorm gave. */
export function addNorm(
  builder: Builder,
  index: GraphIndex,
  input: string,
  norm: FoundNorm,
  fused: FusedNorm,
  form: NormForm,
): void {
  const { output, bias } = fused;
  const last = bias === undefined ? output : undefined;
  const scaled =
    form === 'primitive'
      ? addPrimitive(builder, index, input, norm, fused, last)
      : addFused(builder, index, input, norm, fused, form, last);
  if (bias !== undefined) builder.add({ opType: 'Add', inputs: [scaled, bias], near: output, output });
}

function addFused(
  builder: Builder,
  index: GraphIndex,
  input: string,
  norm: FoundNorm,
  fused: FusedNorm,
  form: NormForm,
  output: string | undefined,
): string {
  const weight = fused.weight ?? builder.constant(dtypeOf(index, norm, fused), [norm.width], [1]);
  const attributes: Record<string, OnnxAttribute> = {
    axis: { kind: 'int', value: -1 },
    epsilon: { kind: 'float', value: fused.epsilon },
    stash_type: { kind: 'int', value: fused.stashType },
  };
  return builder.add({
    opType: form === 'rmsnormalization' ? 'RMSNormalization' : 'SimplifiedLayerNormalization',
    inputs: [input, weight],
    near: fused.output,
    attributes,
    ...(output === undefined ? {} : { output }),
  });
}

/** x / √(mean(x²) + ε) · weight, in float32 where the operator computed in it. */
function addPrimitive(
  builder: Builder,
  index: GraphIndex,
  input: string,
  norm: FoundNorm,
  fused: FusedNorm,
  output: string | undefined,
): string {
  const near = fused.output;
  const dtype = dtypeOf(index, norm, fused);
  const isNarrow = dtype === 'float16' || dtype === 'bfloat16';
  const inner: FloatDType = isNarrow && fused.stashType === 1 ? 'float32' : dtype;
  const to = (value: string, type: FloatDType) =>
    type === dtype && inner === dtype
      ? value
      : builder.add({
          opType: 'Cast',
          inputs: [value],
          near,
          attributes: { to: { kind: 'int', value: onnxTypeCodes[type] } },
        });
  const x = to(input, inner);
  const square = builder.add({ opType: 'Mul', inputs: [x, x], near });
  const mean = builder.mean(square, norm.axis, near);
  const shifted = builder.add({ opType: 'Add', inputs: [mean, builder.constant(inner, [], [fused.epsilon])], near });
  const root = builder.add({ opType: 'Sqrt', inputs: [shifted], near });
  const unit = to(builder.add({ opType: 'Div', inputs: [x, root], near }), dtype);
  const inputs = [unit, fused.weight ?? builder.constant(dtype, [norm.width], [1])];
  return builder.add({ opType: 'Mul', inputs, near, ...(output === undefined ? {} : { output }) });
}

function dtypeOf(index: GraphIndex, norm: FoundNorm, { weight, bias, nodes }: FusedNorm): FloatDType {
  const values = [weight, bias, ...nodes.flatMap((node) => index.node(node).inputs)];
  for (const value of values) {
    const dtype = value === undefined ? undefined : index.constant(value)?.dtype;
    if (dtype !== undefined && isFloat(dtype)) return dtype;
  }
  throw new RefusalError(
    `norm ${quote(norm.name)}: the element type of its weight is not known, which is no initializer; leave --norm-ops out`,
  );
}
