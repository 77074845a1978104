import type { OpContext } from '../context.ts';

/** How a window slides over the spatial axes of `[batch, channels, ...spatial]`. */
export interface Windows {
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly output: readonly number[];
}

/** Reads strides, dilations, pads and `auto_pad`. */
export function windowsOf(op: OpContext, input: readonly number[], kernel: readonly number[], ceil = false): Windows {
  const rank = input.length;
  const ones = input.map(() => 1);
  const strides = op.ints('strides') ?? ones;
  const dilations = op.ints('dilations') ?? ones;
  const pads = op.ints('pads') ?? Array<number>(2 * rank).fill(0);
  const lists = [kernel, strides, dilations];
  if (lists.some((list) => list.length !== rank || list.some((n) => !(n >= 1))) || pads.length !== 2 * rank) {
    op.fail(`kernel, strides, dilations and pads don't fit ${rank} spatial axes`);
  }
  const extents = kernel.map((size, i) => (size - 1) * (dilations[i] ?? 1) + 1);
  const auto = op.text('auto_pad', 'NOTSET');
  const total = input.map((length, i) => {
    const stride = strides[i] ?? 1;
    return Math.max(0, (Math.ceil(length / stride) - 1) * stride + (extents[i] ?? 1) - length);
  });
  const half = total.map((sum) => (auto === 'SAME_LOWER' ? Math.ceil(sum / 2) : Math.floor(sum / 2)));
  const same = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  const given = auto === 'VALID' ? pads.map(() => 0) : pads;
  const before = same ? half : given.slice(0, rank);
  const after = same ? total.map((sum, i) => sum - (half[i] ?? 0)) : given.slice(rank);
  const output = input.map((length, i) => {
    const [stride, first] = [strides[i] ?? 1, before[i] ?? 0];
    const steps = (length + first + (after[i] ?? 0) - (extents[i] ?? 1)) / stride;
    if (steps < 0) op.fail(`the kernel is larger than axis ${i + 2} of ${length}`);
    const rounded = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // A window that would begin in the padding at the end is left out.
    return ceil && (rounded - 1) * stride >= length + first ? rounded - 1 : rounded;
  });
  return { input, kernel, strides, dilations, before, after, output };
}

/** The positions of a shape in row-major order. */
export function* positionsOf(shape: readonly number[]): Generator<readonly number[]> {
  const size = shape.reduce((product, length) => product * length, 1);
  const position = shape.map(() => 0);
  for (let i = 0; i < size; i++) {
    yield position;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position[axis] = (position[axis] ?? 0) + 1;
      if ((position[axis] ?? 0) < (shape[axis] ?? 1)) break;
      position[axis] = 0;
    }
  }
}

/** For each window, in the order of the output, the offset of each of its entries in one channel; −1 in the padding. */
export function windowOffsets({ input, kernel, strides, dilations, before, output }: Windows): Int32Array {
  const taps = [...positionsOf(kernel)].length;
  const windows = output.reduce((product, length) => product * length, 1);
  const offsets = new Int32Array(windows * taps);
  let i = 0;
  for (const place of positionsOf(output)) {
    for (const tap of positionsOf(kernel)) {
      let offset = 0;
      for (let axis = 0; axis < input.length; axis++) {
        const length = input[axis] ?? 1;
        const start = (place[axis] ?? 0) * (strides[axis] ?? 1) - (before[axis] ?? 0);
        const x = start + (tap[axis] ?? 0) * (dilations[axis] ?? 1);
        offset = x < 0 || x >= length || offset < 0 ? -1 : offset * length + x;
      }
      offsets[i++] = offset;
    }
  }
  return offsets;
}
