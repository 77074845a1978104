import type { Dim, Shape } from '../../../core/shape.ts';
import { axesOf, axisOf, broadcast, maxRank, type ShapeContext, type ShapeRule } from './context.ts';
import { product, quotient } from './dims.ts';

const reshape: ShapeRule = ({ shape, contents, int, fresh }) => {
  const from = shape(0);
  const target = contents(1);
  if (target === undefined) return [{ shape: unknownOf(shape(1), fresh) }];
  const list = target.length <= 1 ? contents(0) : undefined;
  const copied = target.map((dim, i) => (dim === 0 && !int('allowzero') ? (from?.[i] ?? fresh()) : dim));
  if (!copied.includes(-1)) return [{ shape: copied, contents: list }];
  const known = product(copied.filter((dim) => dim !== -1));
  const inferred = from === undefined ? undefined : quotient(product(from), known);
  return [{ shape: copied.map((dim) => (dim === -1 ? (inferred ?? fresh()) : dim)), contents: list }];
};

/** As many lengths as a target shape has, of which nothing is known. */
function unknownOf(target: Shape | undefined, fresh: () => Dim): Shape | undefined {
  const rank = target?.length === 1 ? lengthOf(target) : undefined;
  return rank === undefined ? undefined : Array.from({ length: Math.min(rank, maxRank) }, fresh);
}

const transpose: ShapeRule = ({ shape, ints }) => {
  const from = shape(0);
  if (from === undefined) return [];
  const permutation = ints('perm') ?? from.map((_, i) => from.length - 1 - i);
  return [{ shape: picked(from, permutation) }];
};

const squeeze: ShapeRule = (context) => {
  const from = context.shape(0);
  if (from === undefined) return [];
  const axes = axesOf(context, 1, from.length);
  if (axes === undefined) return [];
  if (axes === 'absent') {
    // Symbols may turn out to be 1.
    return from.every((dim) => typeof dim === 'number')
      ? [{ shape: from.filter((dim) => dim !== 1), contents: context.contents(0) }]
      : [];
  }
  return [{ shape: from.filter((_, i) => !axes.includes(i)), contents: context.contents(0) }];
};

const unsqueeze: ShapeRule = (context) => {
  const from = context.shape(0);
  const given = context.ints('axes') ?? context.numbers(1);
  if (from === undefined || given === undefined) return [];
  const rank = from.length + given.length;
  const axes = new Set(given.map((axis) => axisOf(axis, rank)));
  if (axes.has(undefined) || axes.size !== given.length) return [];
  const rest = [...from];
  const shape = Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : (rest.shift() ?? 1)));
  return [{ shape, contents: context.contents(0) }];
};

const flatten: ShapeRule = ({ shape, int }) => {
  const from = shape(0);
  const axis = int('axis') ?? 1;
  const at = from === undefined ? undefined : axis < 0 ? axis + from.length : axis;
  if (from === undefined || at === undefined || at < 0 || at > from.length) return [];
  return [{ shape: [product(from.slice(0, at)), product(from.slice(at))] }];
};

const expand: ShapeRule = ({ shape, contents, fresh }) => {
  const [from, target] = [shape(0), contents(1) ?? unknownOf(shape(1), fresh)];
  return from === undefined || target === undefined ? [] : [{ shape: broadcast([from, target], fresh) }];
};

const concat: ShapeRule = (context) => {
  const { node, shape, contents, int, fresh, integer } = context;
  const shapes = node.inputs.map((_, i) => shape(i));
  const lists = node.inputs.map((_, i) => contents(i) ?? unknownOf(shape(i), integer));
  const first = shapes.find((known) => known !== undefined);
  const axis = first === undefined ? undefined : axisOf(int('axis') ?? 0, first.length);
  if (first === undefined || axis === undefined) return [];
  const joined = first.map((dim, i) => {
    if (i !== axis) return shapes.map((known) => known?.[i]).find((known) => typeof known === 'number') ?? dim;
    const parts = shapes.map((known) => known?.[axis]);
    return parts.every((part) => typeof part === 'number') ? parts.reduce((sum, part) => sum + part, 0) : fresh();
  });
  const isCounting = node.inputs.some((_, i) => contents(i) !== undefined);
  const known = isCounting && lists.every((list) => list !== undefined) && first.length === 1;
  return [{ shape: joined, contents: known ? lists.flatMap((list) => list ?? []) : undefined }];
};

const split: ShapeRule = ({ node, shape, int, ints, numbers, fresh }) => {
  const from = shape(0);
  const axis = from === undefined ? undefined : axisOf(int('axis') ?? 0, from.length);
  if (from === undefined || axis === undefined) return [];
  const sizes = ints('split') ?? (node.inputs[1] ? numbers(1) : undefined);
  const length = from[axis];
  return node.outputs.map((_, i) => {
    const even = typeof length === 'number' && !node.inputs[1] ? evenPart(length, node.outputs.length, i) : undefined;
    return { shape: from.with(axis, sizes?.[i] ?? even ?? fresh()) };
  });
};

function evenPart(length: number, parts: number, index: number): number {
  const size = Math.ceil(length / parts);
  return Math.max(0, Math.min(size, length - index * size));
}

const slice: ShapeRule = (context) => {
  const from = context.shape(0);
  if (from === undefined) return [];
  const bounds = sliceBounds(context, from.length);
  if (bounds === undefined) return [];
  const shape = from.map((dim, axis) => {
    const bound = bounds.find((b) => b.axis === axis);
    return bound === undefined ? dim : (slicedLength(dim, bound) ?? context.fresh());
  });
  const list = context.contents(0);
  const [bound] = bounds;
  const whole = bound?.start !== undefined && bound.end !== undefined && bound.step !== undefined ? bound : undefined;
  if (list === undefined || from.length !== 1 || whole?.step !== 1) return [{ shape }];
  return [{ shape, contents: list.slice(whole.start, whole.end) }];
};

/** What a Slice takes of an axis, as far as it is known. */
export interface SliceBound {
  readonly axis: number;
  readonly start: number | undefined;
  readonly end: number | undefined;
  readonly step: number | undefined;
}

/** Undefined where the axes aren't known. */
export function sliceBounds(context: ShapeContext, rank: number): readonly SliceBound[] | undefined {
  const { node, ints, contents, shape } = context;
  const old = ints('starts');
  const starts: readonly Dim[] | undefined = old ?? contents(1);
  const ends: readonly Dim[] | undefined = old === undefined ? contents(2) : ints('ends');
  const steps = node.inputs[4] ? contents(4) : 'ones';
  const count = starts?.length ?? lengthOf(shape(1));
  if (count === undefined || count > maxRank) return undefined;
  const axes = axesOf(context, 3, rank);
  if (axes === undefined) return undefined;
  const numberAt = (list: readonly Dim[] | undefined, i: number) => {
    const value = list?.[i];
    return typeof value === 'number' ? value : undefined;
  };
  return Array.from({ length: count }, (_, i) => ({
    axis: axes === 'absent' ? i : (axes[i] ?? i),
    start: numberAt(starts, i),
    end: numberAt(ends, i),
    step: steps === 'ones' ? 1 : numberAt(steps, i),
  }));
}

/** Whether a slice takes all of an axis, whatever its length. */
export function takesAll({ start, end, step }: SliceBound, length: Dim | undefined): boolean {
  return start === 0 && step === 1 && end !== undefined && end >= (typeof length === 'number' ? length : 2 ** 31 - 1);
}

function slicedLength(dim: Dim, bound: SliceBound): Dim | undefined {
  if (takesAll(bound, dim)) return dim;
  const { start, end, step } = bound;
  if (typeof dim !== 'number' || start === undefined || end === undefined || step === undefined || step === 0) {
    return undefined;
  }
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + dim : at, low), high);
  return Math.max(0, Math.ceil((clamp(end) - clamp(start)) / step));
}

function lengthOf(shape: Shape | undefined): number | undefined {
  const [length] = shape ?? [];
  return typeof length === 'number' ? length : undefined;
}

const gather: ShapeRule = ({ shape, contents, numbers, int }) => {
  const [from, index] = [shape(0), shape(1)];
  const axis = from === undefined ? undefined : axisOf(int('axis') ?? 0, from.length);
  if (from === undefined || index === undefined || axis === undefined) return [];
  const out = [...from.slice(0, axis), ...index, ...from.slice(axis + 1)];
  const [list, at] = [contents(0), numbers(1)];
  if (list === undefined || at === undefined || from.length !== 1) return [{ shape: out }];
  const taken = at.map((i) => list[i < 0 ? i + list.length : i]);
  return [{ shape: out, contents: taken.every((dim) => dim !== undefined) ? taken : undefined }];
};

const gatherNd: ShapeRule = ({ shape, int }) => {
  const [from, index] = [shape(0), shape(1)];
  const depth = index?.at(-1);
  if (from === undefined || index === undefined || typeof depth !== 'number') return [];
  return [{ shape: [...index.slice(0, -1), ...from.slice((int('batch_dims') ?? 0) + depth)] }];
};

const tile: ShapeRule = ({ shape, contents }) => {
  const [from, repeats] = [shape(0), contents(1)];
  if (from === undefined || repeats === undefined) return [];
  return [{ shape: from.map((dim, i) => product([dim, repeats[i] ?? 1])) }];
};

const pad: ShapeRule = ({ node, shape, ints, numbers, fresh }) => {
  const from = shape(0);
  if (from === undefined) return [];
  const pads = node.inputs[3] ? undefined : (ints('pads') ?? numbers(1));
  return [
    {
      shape: from.map((dim, i) => {
        const [before, after] = [pads?.[i], pads?.[i + from.length]];
        if (before === 0 && after === 0) return dim;
        if (before === undefined || after === undefined || typeof dim !== 'number') return fresh();
        return dim + before + after;
      }),
    },
  ];
};

function picked(shape: Shape, indices: readonly number[]): Shape | undefined {
  const dims = indices.map((i) => shape[i]);
  return dims.every((dim) => dim !== undefined) ? dims : undefined;
}

export const layoutShapes: Readonly<Record<string, ShapeRule>> = {
  Reshape: reshape,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Flatten: flatten,
  Expand: expand,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherND: gatherNd,
  GatherElements: ({ shape }) => [{ shape: shape(1) }],
  Tile: tile,
  Pad: pad,
};
