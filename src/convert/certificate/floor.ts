import type { FloatDType } from '../../core/dtype.ts';
import { createRandom, type Random } from '../../core/random.ts';
import { ulp } from '../../core/rounding.ts';
import type { Value } from '../../graph/index.ts';
import type { ParameterValues } from '../rules/apply.ts';

/** How many perturbed copies of the source the floor is the median of. */
export const floorSeeds = 9;

/**
 * The source with ±½ ulp of uniform noise on every entry of the given parameters: what rounding them would do to any
 * model that computes the same. `dtypes` says to which element type each is rounded.
 */
export function perturb(
  parameters: ParameterValues,
  dtypes: ReadonlyMap<string, FloatDType>,
  seed: number,
): ParameterValues {
  const random = createRandom(seed).split('rounding floor');
  return new Map(
    [...parameters].map(([name, value]) => {
      const dtype = dtypes.get(name);
      return [name, dtype === undefined ? value : perturbed(value, dtype, random.split(name))];
    }),
  );
}

function perturbed({ shape, data }: Value, dtype: FloatDType, random: Random): Value {
  return {
    dtype: 'float',
    shape,
    data: data.map((value) => value + (random.uniform() - 0.5) * ulp(value, dtype)),
  };
}
