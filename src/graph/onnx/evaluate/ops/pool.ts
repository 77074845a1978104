import { sizeOf } from '../../../../core/shape.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { positionsOf, type Windows, windowOffsets, windowsOf } from './windows.ts';

/** Reduces the entries of each window that lie in the image; `divisor` is what an average of it divides by. */
function pooled(op: OpContext, f: (entries: readonly number[], divisor: number) => number, countsPadding = false) {
  const x = op.input(0);
  const [batch = 0, channels = 0, ...spatial] = x.shape;
  const kernel = op.ints('kernel_shape') ?? op.fail('has no kernel_shape');
  const windows = windowsOf(op, spatial, kernel, op.int('ceil_mode', 0) === 1);
  const [places, taps, image] = [sizeOf(windows.output), sizeOf(kernel), sizeOf(spatial)];
  const shape = op.sized([batch, channels, ...windows.output]);
  op.sized([places, taps]);
  const offsets = windowOffsets(windows);
  const divisors = countsPadding ? paddedCounts(windows) : undefined;
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    const [channel, place] = [Math.floor(i / places), i % places];
    const entries: number[] = [];
    for (let tap = 0; tap < taps; tap++) {
      const offset = offsets[place * taps + tap] as number;
      if (offset >= 0) entries.push(x.data[channel * image + offset] as number);
    }
    data[i] = f(entries, divisors?.[place] ?? entries.length);
  }
  return [{ dtype: x.dtype, shape, data }];
}

/** How many entries of each window lie in the image or its padding: what reaches beyond is not counted. */
function paddedCounts({ input, kernel, strides, dilations, before, after, output }: Windows): readonly number[] {
  return Array.from(positionsOf(output), (place) =>
    sizeOf(
      input.map((length, axis) => {
        const start = (place[axis] ?? 0) * (strides[axis] ?? 1) - (before[axis] ?? 0);
        const room = length + (after[axis] ?? 0) - start;
        return Math.min(kernel[axis] ?? 1, Math.ceil(room / (dilations[axis] ?? 1)));
      }),
    ),
  );
}

const maxPool: OpEvaluation = (op) => {
  if (op.outputCount > 1) op.unsupported('with indices is not supported');
  return pooled(op, (entries) => entries.reduce((top, value) => Math.max(top, value), Number.NEGATIVE_INFINITY));
};

const averagePool: OpEvaluation = (op) =>
  pooled(
    op,
    (entries, divisor) => entries.reduce((sum, value) => sum + value, 0) / divisor,
    op.int('count_include_pad', 0) === 1,
  );

export const pools: Readonly<Record<string, OpEvaluation>> = { MaxPool: maxPool, AveragePool: averagePool };
