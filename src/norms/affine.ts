import type { OpBuilder } from '../core/builder.ts';
import type { NormContext, NormGradient, NormKind } from './kind.ts';
import { parameterOf } from './parameters.ts';
import { accumulate, combine, mapRows } from './vector.ts';

/** What a norm makes of one row before weight and bias, with whatever its gradient needs again. */
export interface NormalizedRow {
  readonly normalized: Float64Array;
}

/** The part of a norm before `y = (offset + weight) · x̂ + bias`. */
export interface RowNorm<R extends NormalizedRow> {
  readonly normalize: (row: Float64Array, context: NormContext) => R;
  /** The gradient of `normalize`: from `∂L/∂x̂` to `∂L/∂x`. */
  readonly gradient: (upstream: Float64Array, normalized: R, context: NormContext) => Float64Array;
}

/** Which parts of `(offset + weight) · x̂ + bias` a norm has. */
export interface Affine {
  readonly weight: boolean;
  readonly bias: boolean;
  readonly offset: 0 | 1;
}

/** The float64 forward and backward of a row norm followed by an affine map. */
export function affineReference<R extends NormalizedRow>(
  rowNorm: RowNorm<R>,
  affine: Affine,
): Pick<NormKind, 'forward' | 'backward'> {
  const gainOf = (parameters: Readonly<Record<string, Float64Array>>) =>
    affine.weight ? parameterOf(parameters, 'weight').map((w) => affine.offset + w) : undefined;
  return {
    forward: (x, parameters, context) => {
      const gain = gainOf(parameters);
      const bias = affine.bias ? parameterOf(parameters, 'bias') : undefined;
      return mapRows(x, context.width, (row) => {
        const { normalized } = rowNorm.normalize(row, context);
        const scaled = gain ? combine(normalized, gain, (a, w) => a * w) : normalized;
        return bias ? combine(scaled, bias, (a, c) => a + c) : scaled;
      });
    },
    backward: (x, dy, parameters, context): NormGradient<Float64Array> => {
      const gain = gainOf(parameters);
      const weight = new Float64Array(context.width);
      const bias = new Float64Array(context.width);
      const dx = mapRows(x, context.width, (row, rowAt) => {
        const upstream = rowAt(dy);
        const result = rowNorm.normalize(row, context);
        accumulate(
          weight,
          combine(upstream, result.normalized, (g, a) => g * a),
        );
        accumulate(bias, upstream);
        return rowNorm.gradient(gain ? combine(upstream, gain, (g, w) => g * w) : upstream, result, context);
      });
      return { dx, parameters: { ...(affine.weight && { weight }), ...(affine.bias && { bias }) } };
    },
  };
}

/** The factor that multiplies `x̂` on the engine, `[width]`; undefined where the norm has no weight. */
export function lowerGain<T>(b: OpBuilder<T>, parameters: Readonly<Record<string, T>>, affine: Affine): T | undefined {
  if (!affine.weight) return undefined;
  const weight = parameterOf(parameters, 'weight');
  return affine.offset === 0 ? weight : b.add(weight, b.constant(affine.offset));
}
