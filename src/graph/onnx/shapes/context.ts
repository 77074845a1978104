import type { Dim, Shape } from '../../../core/shape.ts';
import type { OnnxNode } from '../types.ts';

/** Ranks above, and longer lists of integers, are left unknown: memory stays proportional to the file. */
export const maxRank = 32;

/** What is known of a value: its shape, and where it is a short list of integers (a shape, axes, an index) what is in it. */
export interface Known {
  readonly shape?: Shape | undefined;
  /** Of a value of rank 0 or 1. */
  readonly contents?: readonly Dim[] | undefined;
}

/** A node whose outputs' shapes are asked for. */
export interface ShapeContext {
  readonly node: OnnxNode;
  /** Of the default operator set. */
  readonly opset: number;
  readonly shape: (input: number) => Shape | undefined;
  readonly contents: (input: number) => readonly Dim[] | undefined;
  /** The contents of an input that are all known numbers. */
  readonly numbers: (input: number) => readonly number[] | undefined;
  readonly int: (attribute: string) => number | undefined;
  readonly ints: (attribute: string) => readonly number[] | undefined;
  /** A length of which nothing is known. */
  readonly fresh: () => Dim;
  /** An integer of which nothing is known, not even whether it is a length: a -1 in a shape is none. */
  readonly integer: () => Dim;
}

/** Whether a symbol stands for any integer, not for a length. */
export function isAnyInteger(dim: Dim | undefined): boolean {
  return typeof dim === 'string' && dim.includes('!');
}

/** Gives what is known of each output; shorter lists leave the rest unknown. */
export type ShapeRule = (context: ShapeContext) => readonly (Known | undefined)[];

/** An axis as an index from the front; undefined where there is none such. */
export function axisOf(axis: number, rank: number): number | undefined {
  const index = axis < 0 ? axis + rank : axis;
  return Number.isInteger(index) && index >= 0 && index < rank ? index : undefined;
}

/** Axes from an input, or from the attribute that older operator sets have; undefined where they aren't known. */
export function axesOf(
  { ints, numbers, node }: ShapeContext,
  input: number,
  rank: number,
): readonly number[] | undefined | 'absent' {
  const given = ints('axes') ?? (node.inputs[input] ? numbers(input) : 'absent');
  if (given === undefined || given === 'absent') return given;
  const axes = given.map((axis) => axisOf(axis, rank));
  return axes.every((axis) => axis !== undefined) ? axes : undefined;
}

/** The shape that operands have together under ONNX's multidirectional broadcasting. */
export function broadcast(shapes: readonly Shape[], fresh: () => Dim): Shape {
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const dims = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((dim) => dim !== 1);
    const [first = 1] = dims;
    // A length above 1 is the result's whatever the others are, or the model is no good.
    return dims.find((dim) => typeof dim === 'number') ?? (dims.every((dim) => dim === first) ? first : fresh());
  });
}
