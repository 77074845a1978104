import { formatShape, sizeOf } from '../../../../core/shape.ts';
import { splitAt } from '../../../ndarray.ts';
import { normalizeAxis, type Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { intsFrom } from './layout.ts';

/** The entries of an axis that `indices` names, in that order; −1 stands for an entry of `fill`. */
export function take(x: Value, axis: number, indices: readonly number[], fill = 0): Value {
  const [outer, length, inner] = splitAt(x.shape, axis);
  const shape = x.shape.map((dim, i) => (i === axis ? indices.length : dim));
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < outer; i++) {
    for (let j = 0; j < indices.length; j++) {
      const index = indices[j] as number;
      const start = (i * indices.length + j) * inner;
      if (index < 0) data.fill(fill, start, start + inner);
      else data.set(x.data.subarray((i * length + index) * inner, (i * length + index + 1) * inner), start);
    }
  }
  return { dtype: x.dtype, shape, data };
}

/** Starts and ends are cut to the axis, as in Python. */
const slice: OpEvaluation = (op) => {
  let x = op.input(0);
  const starts = intsFrom(op, 'starts', 1, 10) ?? op.fail('has no starts');
  const ends = intsFrom(op, 'ends', 2, 10) ?? op.fail('has no ends');
  const axes = intsFrom(op, 'axes', 3, 10) ?? [...starts.keys()];
  const steps = (op.version < 10 ? undefined : intsFrom(op, 'steps', 4, 10)) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    op.fail(`has ${starts.length} starts, ${ends.length} ends, ${axes.length} axes, ${steps.length} steps`);
  }
  for (const [i, from] of starts.entries()) {
    const axis = normalizeAxis(axes[i] ?? 0, x.shape.length, 'slice');
    const step = steps[i] ?? 1;
    op.sized([x.shape[axis] ?? 0]);
    if (step === 0) op.fail('has a step of 0');
    x = take(x, axis, sliceIndices(x.shape[axis] ?? 0, from, ends[i] ?? 0, step));
  }
  return [x];
};

function sliceIndices(length: number, from: number, to: number, step: number): readonly number[] {
  const wrapped = (value: number) => (value < 0 ? value + length : value);
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const start = Math.min(Math.max(wrapped(from), 0), high);
  const end = Math.min(Math.max(wrapped(to), low), high);
  const count = Math.max(0, Math.ceil((end - start) / step));
  return Array.from({ length: count }, (_, i) => start + i * step);
}

const split: OpEvaluation = (op) => {
  const x = op.input(0);
  const axis = normalizeAxis(op.int('axis', 0), x.shape.length, 'split');
  const length = x.shape[axis] ?? 0;
  op.sized([length]);
  const parts = op.int('num_outputs', op.outputCount);
  const even = Math.ceil(length / parts);
  const sizes =
    intsFrom(op, 'split', 1, 13) ??
    Array.from({ length: op.outputCount }, (_, i) => Math.max(0, Math.min(even, length - i * even)));
  if (sizes.reduce((sum, size) => sum + size, 0) !== length || sizes.some((size) => size < 0)) {
    op.fail(`the parts [${sizes.join(', ')}] don't make up axis ${axis} of ${formatShape(x.shape)}`);
  }
  let start = 0;
  return sizes.map((size) => {
    const indices = Array.from({ length: size }, (_, i) => start + i);
    start += size;
    return take(x, axis, indices);
  });
};

/** Where position i of a padded axis comes from: −1 for nowhere. */
const padSources: Readonly<Record<string, (i: number, length: number) => number>> = {
  constant: (i, length) => (i >= 0 && i < length ? i : -1),
  edge: (i, length) => Math.min(Math.max(i, 0), length - 1),
  wrap: (i, length) => ((i % length) + length) % length,
  reflect(i, length) {
    if (length === 1) return 0;
    const period = 2 * (length - 1);
    const within = ((i % period) + period) % period;
    return within < length ? within : period - within;
  },
};

const pad: OpEvaluation = (op) => {
  const x = op.input(0);
  const rank = x.shape.length;
  const pads = intsFrom(op, 'pads', 1, 11) ?? op.fail('has no pads');
  const axes = intsFrom(op, 'axes', 3, 18) ?? [...x.shape.keys()];
  const mode = op.text('mode', 'constant');
  const source = Object.hasOwn(padSources, mode) ? padSources[mode] : undefined;
  if (source === undefined || pads.length !== 2 * axes.length)
    return op.fail(`has ${pads.length} pads of mode ${mode}`);
  const fill = op.version < 11 ? op.float('value', 0) : (op.inputs[2]?.data[0] ?? 0);
  return [
    axes.reduce((padded, named, i) => {
      const axis = normalizeAxis(named, rank, 'pad');
      return padAxis(op, padded, axis, pads[i] ?? 0, pads[i + axes.length] ?? 0, source, fill);
    }, x),
  ];
};

function padAxis(
  op: OpContext,
  x: Value,
  axis: number,
  before: number,
  after: number,
  source: (i: number, length: number) => number,
  fill: number,
): Value {
  const length = x.shape[axis] ?? 0;
  const padded = before + length + after;
  op.sized(x.shape.map((dim, i) => (i === axis ? padded : dim)));
  return take(
    x,
    axis,
    Array.from({ length: padded }, (_, i) => source(i - before, length)),
    fill,
  );
}

export const selections: Readonly<Record<string, OpEvaluation>> = { Slice: slice, Split: split, Pad: pad };
