import { sizeOf } from '../../../../core/shape.ts';
import { splitAt } from '../../../ndarray.ts';
import { normalizeAxis, type Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';

/** Where an entry of the output lies on the input's axis. */
const coordinates: Readonly<Record<string, (i: number, scale: number, input: number, output: number) => number>> = {
  half_pixel: (i, scale) => (i + 0.5) / scale - 0.5,
  pytorch_half_pixel: (i, scale, _, output) => (output > 1 ? (i + 0.5) / scale - 0.5 : 0),
  half_pixel_symmetric(i, scale, input, output) {
    const adjustment = output / (scale * input);
    const centre = input / 2;
    return centre * (1 - adjustment) + (i + 0.5) / scale - 0.5;
  },
  align_corners: (i, _, input, output) => (output === 1 ? 0 : (i * (input - 1)) / (output - 1)),
  asymmetric: (i, scale) => i / scale,
};

const roundings: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Entries of the input and their weights, which make one of the output. */
type Taps = readonly (readonly [index: number, weight: number])[];

function pick<T>(op: OpContext, table: Readonly<Record<string, T>>, attribute: string, fallback: string): T {
  const name = op.text(attribute, fallback);
  const found = Object.hasOwn(table, name) ? table[name] : undefined;
  return found ?? op.unsupported(`with ${attribute} ${name} is not supported`);
}

function tapsAt(op: OpContext, mode: string, x: number, length: number): Taps {
  const clamped = (i: number) => Math.min(Math.max(i, 0), length - 1);
  if (mode === 'nearest') return [[clamped(pick(op, roundings, 'nearest_mode', 'round_prefer_floor')(x)), 1]];
  const floor = Math.floor(x);
  const t = x - floor;
  if (mode === 'linear') {
    return [
      [clamped(floor), 1 - t],
      [clamped(floor + 1), t],
    ];
  }
  if (mode !== 'cubic') return op.unsupported(`of mode ${mode} is not supported`);
  const weights = cubicWeights(t, op.float('cubic_coeff_a', -0.75));
  const taps = weights.map((weight, i) => [floor - 1 + i, weight] as const);
  if (op.int('exclude_outside', 0) === 0) return taps.map(([index, weight]) => [clamped(index), weight]);
  const inside = taps.filter(([index]) => index >= 0 && index < length);
  const total = inside.reduce((sum, [, weight]) => sum + weight, 0);
  return inside.map(([index, weight]) => [index, weight / total]);
}

/** Keys' cubic convolution. */
function cubicWeights(t: number, a: number): readonly number[] {
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(1 + t), near(t), near(1 - t), far(2 - t)];
}

/** Axis by axis, which is what all modes come to. Inputs: x, roi, scales, sizes. */
const resize: OpEvaluation = (op) => {
  const x = op.input(0);
  if (op.version < 11) op.unsupported('is older than opset 11, not supported');
  if (op.int('antialias', 0) === 1) op.unsupported('with antialias is not supported');
  if (op.text('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    op.unsupported('that keeps the aspect ratio is not supported');
  const place = pick(op, coordinates, 'coordinate_transformation_mode', 'half_pixel');
  const mode = op.text('mode', 'nearest');
  const axes = (op.ints('axes') ?? [...x.shape.keys()]).map((axis) => normalizeAxis(axis, x.shape.length, 'resize'));
  const [scales, sizes] = [op.inputs[2]?.data, op.inputs[3]?.data];
  return [
    axes.reduce((y, axis, i) => {
      const input = y.shape[axis] ?? 0;
      const bySize = sizes !== undefined && sizes.length > 0;
      const output = bySize ? (sizes[i] ?? input) : Math.floor(input * (scales?.[i] ?? 1));
      const scale = bySize ? output / input : (scales?.[i] ?? 1);
      if (scale === 1) return y;
      // The specification and engines differ on whether the length counts before or after it is cut to an integer.
      const isCut = place === coordinates.align_corners && output !== input * scale;
      if (isCut) op.unsupported('with align_corners and a scale that gives no whole length is not supported');
      op.sized(y.shape.map((length, j) => (j === axis ? output : length)));
      const taps = Array.from({ length: output }, (_, j) => tapsAt(op, mode, place(j, scale, input, output), input));
      return weighted(y, axis, taps);
    }, x),
  ];
};

function weighted(x: Value, axis: number, taps: readonly Taps[]): Value {
  const [outer, length, inner] = splitAt(x.shape, axis);
  const shape = x.shape.map((dim, i) => (i === axis ? taps.length : dim));
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < outer; i++) {
    for (const [j, entries] of taps.entries()) {
      const target = (i * taps.length + j) * inner;
      for (const [index, weight] of entries) {
        const source = (i * length + index) * inner;
        for (let k = 0; k < inner; k++)
          data[target + k] = (data[target + k] as number) + weight * (x.data[source + k] as number);
      }
    }
  }
  return { dtype: x.dtype, shape, data };
}

export const resizes: Readonly<Record<string, OpEvaluation>> = { Resize: resize };
