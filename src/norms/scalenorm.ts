import { fusedCost } from './cost.ts';
import { defineNorm } from './define.ts';
import { fusedNorm, standardize } from './lowering.ts';
import { parameterOf } from './parameters.ts';
import { accumulate, dot, mapRows } from './vector.ts';

const gainOf = (parameters: Readonly<Record<string, Float64Array>>): number =>
  parameterOf(parameters, 'weight')[0] ?? Number.NaN;

/**
 * The row on a sphere whose radius `g` is learned; `g` starts at `sqrt(width)`. [Nguyen & Salazar 2019 §2.2]
 *
 * The published code divides by `max(‖x‖, ε)`. Here it is `sqrt(‖x‖² + ε²)`: smooth, the same at 0 and, relative to the
 * output, within `ε²/(2‖x‖²)` of the published one for longer rows (1e-10 at `ε = 1e-5` and length 1), and equal to
 * RMSNorm with epsilon `ε²/width`, so that both run on the same fused operator.
 */
export const scalenorm = defineNorm({
  id: 'scalenorm',
  name: 'ScaleNorm',
  formula: String.raw`y = g \, \frac{x}{\sqrt{\sum_i x_i^2 + \varepsilon^2}}`,
  parameters: [{ name: 'weight', shape: 'scalar', initial: Math.sqrt, decay: false }],
  epsilonPlacement: 'inside',
  castPoint: 'after-weight',
  weightOffset: 0,
  defaultEpsilon: 1e-5,
  forward: (x, parameters, { width, epsilon }) => {
    const gain = gainOf(parameters);
    return mapRows(x, width, (row) => {
      const inverse = 1 / Math.sqrt(dot(row, row) + epsilon * epsilon);
      return row.map((value) => gain * (value * inverse));
    });
  },
  backward: (x, dy, parameters, { width, epsilon }) => {
    const gain = gainOf(parameters);
    const weight = new Float64Array(1);
    const dx = mapRows(x, width, (row, rowAt) => {
      const upstream = rowAt(dy);
      const inverse = 1 / Math.sqrt(dot(row, row) + epsilon * epsilon);
      const unit = row.map((value) => value * inverse);
      const projection = dot(upstream, unit);
      accumulate(weight, Float64Array.of(projection));
      return upstream.map((g, i) => gain * inverse * (g - (unit[i] ?? Number.NaN) * projection));
    });
    return { dx, parameters: { weight } };
  },
  lowerForward: (b, x, parameters, { width, epsilon }) => {
    const gain = b.mul(parameterOf(parameters, 'weight'), b.constant(1 / Math.sqrt(width)));
    return fusedNorm(b, 'SimplifiedLayerNormalization', [x, b.mul(b.ones(width), gain)], (epsilon * epsilon) / width);
  },
  lowerPlain: (b, x, parameters, { epsilon }) => {
    const length = b.sqrt(b.add(b.sum(b.mul(x, x)), b.constant(epsilon * epsilon)));
    return b.mul(x, b.div(parameterOf(parameters, 'weight'), length));
  },
  lowerBackward: (b, x, dy, parameters, { width, epsilon }) => {
    const gain = b.mul(parameterOf(parameters, 'weight'), b.constant(1 / Math.sqrt(width)));
    const { normalized, inverse } = standardize(
      b,
      'SimplifiedLayerNormalization',
      x,
      width,
      (epsilon * epsilon) / width,
    );
    const projection = b.mean(b.mul(dy, normalized));
    return {
      dx: b.mul(b.sub(dy, b.mul(normalized, projection)), b.mul(inverse, gain)),
      parameters: { weight: b.mul(b.sumAll(projection), b.constant(Math.sqrt(width))) },
    };
  },
  // Forward: square sum 2, scaling 1. Backward: x̂ 1, one sum 2, dx 3; the gain's gradient is one addition a row.
  cost: fusedCost({ perElement: 3, perRow: 4, tensors: 2 }, { perElement: 6, perRow: 2, tensors: 3 }),
  invariances: { shift: false, scale: true, perRow: true },
  citations: ['nguyen2019scalenorm'],
});
