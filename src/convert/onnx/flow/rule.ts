import type { Dim, Shape } from '../../../core/shape.ts';
import type { OnnxInitializer, OnnxNode, ShapeContext } from '../../../graph/index.ts';

/** How the channels of an output lie in an input: along this axis, or null where the input is one number for all of them. */
export interface Passage {
  readonly input: number;
  readonly axis: number | null;
  /** The input is what a linear op multiplies by, or adds: nobody wants that computed anew in every run. */
  readonly isWeight?: true;
}

/** The factor of each channel, by which an op multiplies (or divides) what passes. */
export interface ChannelScale {
  readonly input: number;
  readonly inverse: boolean;
}

/** What a node's output is, as far as its mean over the channels is concerned. */
export type Origin =
  /**
   * Linear in these inputs together: where the mean over the channels is taken out of each of them, after the factors of
   * `scale` if there are some, the output loses its own and nothing else changes.
   */
  | { readonly kind: 'from'; readonly passages: readonly Passage[]; readonly scale?: ChannelScale }
  /** Its mean can't be taken out of what it is made from. The reason is a clause about the node. */
  | { readonly kind: 'stop'; readonly reason: string };

/** A node, and which of its outputs' axes holds the channels. */
export interface FlowContext extends ShapeContext {
  readonly node: OnnxNode;
  readonly output: number;
  readonly axis: number;
  readonly outputShape: Shape;
  /** How many channels there are. */
  readonly width: number;
  readonly constant: (input: number) => OnnxInitializer | undefined;
  /** Whether an input surely is of a floating-point type. */
  readonly isFloat: (input: number) => boolean;
}

export type FlowRule = (context: FlowContext) => Origin;

export const stop = (reason: string): Origin => ({ kind: 'stop', reason });
export const from = (...passages: readonly Passage[]): Origin => ({ kind: 'from', passages });

/** The axis of an input that is aligned with the channels when operands are broadcast; null where it has too few axes. */
export function alignedAxis({ axis, outputShape }: FlowContext, shape: Shape): number | null {
  const aligned = axis - (outputShape.length - shape.length);
  return aligned < 0 ? null : aligned;
}

/** The length of an input along the channels, 1 where it has too few axes; undefined where it isn't known. */
export function alignedLength(context: FlowContext, input: number): Dim | undefined {
  const shape = context.shape(input);
  if (shape === undefined) return undefined;
  const axis = alignedAxis(context, shape);
  return axis === null ? 1 : shape[axis];
}
