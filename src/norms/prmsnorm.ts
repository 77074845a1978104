import { affineReference, lowerGain, type NormalizedRow, type RowNorm } from './affine.ts';
import { withAffine } from './cost.ts';
import { defineNorm } from './define.ts';
import { weightedMean } from './lowering.ts';
import { weightVector } from './parameters.ts';
import { dot } from './vector.ts';

const fraction = 0.0625;
const affine = { weight: true, bias: false, offset: 0 } as const;

/** How many of a row's first entries the root mean square is estimated from. */
export function partialWidth(width: number): number {
  return Math.ceil(width * fraction);
}

interface PRMSNormRow extends NormalizedRow {
  readonly head: Float64Array;
  readonly rms: number;
  readonly inverse: number;
}

const rowNorm: RowNorm<PRMSNormRow> = {
  normalize: (row, { epsilon }) => {
    const head = row.subarray(0, partialWidth(row.length));
    const rms = Math.sqrt(dot(head, head) / head.length);
    const inverse = 1 / (rms + epsilon);
    return { normalized: row.map((value) => value * inverse), head, rms, inverse };
  },
  gradient: (upstream, { normalized, head, rms, inverse }) => {
    // At rms 0 the root has no derivative; every entry of the head is 0 there, and 0 is the subgradient taken.
    const pull = rms === 0 ? 0 : (dot(upstream, normalized) * inverse) / (head.length * rms);
    return upstream.map((g, i) => g * inverse - (head[i] ?? 0) * pull);
  },
};

/** Keeps `x / rms` finite where the whole head is 0; far below any float32 root mean square that occurs. */
const tiny = 1e-30;

/**
 * Partial RMSNorm: the root mean square of the first 6.25% of the entries stands for that of all of them.
 *
 * Epsilon is outside the root, 1e-8, as in the authors' code. [RMSNorm §4]
 */
export const prmsnorm = defineNorm({
  id: 'prmsnorm',
  name: 'pRMSNorm',
  formula: String.raw`y = \gamma \odot \frac{x}{\sqrt{\frac{1}{k}\sum_{i \le k} x_i^2} + \varepsilon}, \quad k = \lceil 0.0625\, d \rceil`,
  parameters: [weightVector()],
  epsilonPlacement: 'outside',
  castPoint: 'after-weight',
  weightOffset: 0,
  defaultEpsilon: 1e-8,
  ...affineReference(rowNorm, affine),
  lowerForward: (b, x, parameters, { width, epsilon }) => {
    const head = b.slice(x, 0, partialWidth(width));
    const rms = b.sqrt(b.mean(b.mul(head, head)));
    const normalized = b.mul(x, b.reciprocal(b.add(rms, b.constant(epsilon))));
    const gain = lowerGain(b, parameters, affine);
    return gain === undefined ? normalized : b.mul(normalized, gain);
  },
  lowerBackward: (b, x, dy, parameters, { width, epsilon }) => {
    const count = partialWidth(width);
    const gain = lowerGain(b, parameters, affine);
    const head = b.slice(x, 0, count);
    const rms = b.sqrt(b.mean(b.mul(head, head)));
    const inverse = b.reciprocal(b.add(rms, b.constant(epsilon)));
    const product = b.mul(dy, b.mul(x, inverse));
    const upstream = gain === undefined ? dy : b.mul(dy, gain);
    const projection = b.mul(weightedMean(b, product, gain), b.mul(inverse, b.constant(width / count)));
    const direction = b.mul(head, b.reciprocal(b.add(rms, b.constant(tiny))));
    const pull = b.padEnd(b.mul(direction, projection), width - count);
    return { dx: b.sub(b.mul(upstream, inverse), pull), parameters: { weight: b.sumRows(product) } };
  },
  // Forward: mean square 2 of the head, scaling 1. Backward: x̂ 1, one sum 2, scaling 1, the head's pull 2.
  cost: withAffine(
    { perElement: (width) => 1 + (2 * partialWidth(width)) / width, perRow: 4, tensors: 2 },
    { perElement: (width) => 4 + (2 * partialWidth(width)) / width, perRow: 3, tensors: 3 },
    affine,
  ),
  invariances: { shift: false, scale: true, perRow: true },
  citations: ['zhang2019rmsnorm'],
});
