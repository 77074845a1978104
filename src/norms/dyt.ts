import { fusedCost } from './cost.ts';
import { defineNorm } from './define.ts';
import { biasVector, parameterOf, weightVector } from './parameters.ts';
import { accumulate, combine, dot, mapRows } from './vector.ts';

const alphaOf = (parameters: Readonly<Record<string, Float64Array>>): number =>
  parameterOf(parameters, 'alpha')[0] ?? Number.NaN;

/**
 * Dynamic Tanh: a learned squashing function in place of a norm; no statistics, every entry on its own.
 *
 * It has no epsilon. `alpha` starts at 0.5. [Zhu et al. 2025 §4]
 */
export const dyt = defineNorm({
  id: 'dyt',
  name: 'Dynamic Tanh (DyT)',
  formula: String.raw`y = \gamma \odot \tanh(\alpha x) + \beta`,
  parameters: [weightVector(), biasVector, { name: 'alpha', shape: 'scalar', initial: 0.5, decay: false }],
  epsilonPlacement: 'none',
  castPoint: 'after-weight',
  weightOffset: 0,
  defaultEpsilon: 0,
  forward: (x, parameters, { width }) => {
    const alpha = alphaOf(parameters);
    const weight = parameterOf(parameters, 'weight');
    const bias = parameterOf(parameters, 'bias');
    return mapRows(x, width, (row) =>
      combine(
        combine(row, weight, (value, w) => w * Math.tanh(alpha * value)),
        bias,
        (value, c) => value + c,
      ),
    );
  },
  backward: (x, dy, parameters, { width }) => {
    const alpha = alphaOf(parameters);
    const gain = parameterOf(parameters, 'weight');
    const weight = new Float64Array(width);
    const bias = new Float64Array(width);
    const alphaGradient = new Float64Array(1);
    const dx = mapRows(x, width, (row, rowAt) => {
      const upstream = rowAt(dy);
      const squashed = row.map((value) => Math.tanh(alpha * value));
      accumulate(
        weight,
        combine(upstream, squashed, (g, t) => g * t),
      );
      accumulate(bias, upstream);
      const slope = combine(
        combine(upstream, gain, (g, w) => g * w),
        squashed,
        (g, t) => g * (1 - t) * (1 + t),
      );
      accumulate(alphaGradient, Float64Array.of(dot(slope, row)));
      return slope.map((s) => s * alpha);
    });
    return { dx, parameters: { weight, bias, alpha: alphaGradient } };
  },
  lowerForward: (b, x, parameters) => {
    const squashed = b.tanh(b.mul(x, parameterOf(parameters, 'alpha')));
    return b.add(b.mul(squashed, parameterOf(parameters, 'weight')), parameterOf(parameters, 'bias'));
  },
  lowerBackward: (b, x, dy, parameters) => {
    const alpha = parameterOf(parameters, 'alpha');
    const weight = parameterOf(parameters, 'weight');
    const squashed = b.tanh(b.mul(x, alpha));
    const product = b.mul(dy, squashed);
    const slope = b.sub(dy, b.mul(product, squashed));
    return {
      dx: b.mul(slope, b.mul(weight, alpha)),
      parameters: {
        weight: b.sumRows(product),
        bias: b.sumRows(dy),
        // The weight multiplies columns, so that it can wait until the rows are summed.
        alpha: b.sumAll(b.mul(weight, b.sumRows(b.mul(slope, x)))),
      },
    };
  },
  // Forward: α·x, tanh, weight, bias. Backward: tanh again 2, dw 2, db 1, 1 − t² 2, dy·γ·(1 − t²) 2, dα 2, dx 1.
  cost: fusedCost({ perElement: 4, perRow: 0, tensors: 2 }, { perElement: 12, perRow: 0, tensors: 3 }),
  invariances: { shift: false, scale: false, perRow: false },
  citations: ['zhu2025dyt'],
});
