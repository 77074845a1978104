import { type GraphIndex, isKnown, nodeText } from '../graph.ts';
import { arithmeticRules } from './arithmetic.ts';
import { layoutRules } from './layout.ts';
import { linearRules } from './linear.ts';
import { type FlowRule, type Origin, stop } from './rule.ts';

const rules: ReadonlyMap<string, FlowRule> = new Map(
  Object.entries({ ...arithmeticRules, ...layoutRules, ...linearRules }),
);

/** Of what a node's output is made, as far as its mean over `width` channels along `axis` is concerned. */
export function originOf(index: GraphIndex, node: number, output: number, axis: number, width: number): Origin {
  const at = index.node(node);
  const rule = isKnown(at) ? rules.get(at.opType) : undefined;
  const isSkip = at.opType === 'SkipLayerNormalization';
  const outputShape = index.shapes.shape(at.outputs[isSkip ? 0 : output] ?? '');
  if (/Normalization$/.test(at.opType) && output !== 3) return stop('its weights bring one in');
  if (rule === undefined) return stop('it is not linear');
  if (outputShape === undefined || axis >= outputShape.length) return stop('its shape is not known');
  const length = outputShape[axis];
  if (typeof length === 'number' && length !== width) return stop(`it has ${length} along this axis`);
  const context = {
    ...index.shapes.context(at),
    output,
    axis,
    outputShape,
    width,
    constant: (input: number) => index.constant(at.inputs[input] ?? ''),
    isFloat: (input: number) => index.isFloat(at.inputs[input] ?? ''),
  };
  return rule(context);
}

/** Why a value keeps its mean, as a clause. */
export function stopText(index: GraphIndex, node: number, reason: string): string {
  return `${nodeText(index.node(node))} gives it a mean: ${reason}`;
}
