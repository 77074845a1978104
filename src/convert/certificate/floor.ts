import type { FloatDType } from '../../core/dtype.ts';
import { createRandom, type Random } from '../../core/random.ts';
import { ulp } from '../../core/rounding.ts';
import type { Value } from '../../graph/index.ts';
import type { ParameterValues } from '../rules/apply.ts';
import type { Decoder } from './observe.ts';

/** How many perturbed copies of the source the floor is the median of. */
export const floorSeeds = 9;

/**
 * The source with ±½ ulp of uniform noise on every entry of the given parameters: what rounding them would do to any
 * model that computes the same. `dtypes` says to which element type each is rounded. A parameter is perturbed when it
 * is asked for, so that there is no second model in memory.
 */
export function perturb(
  parameters: ParameterValues,
  dtypes: ReadonlyMap<string, FloatDType>,
  seed: number,
): Decoder['parameters'] {
  const random = createRandom(seed).split('rounding floor');
  return {
    get(name) {
      const value = parameters.get(name);
      const dtype = dtypes.get(name);
      return value === undefined || dtype === undefined ? value : perturbed(value, dtype, random.split(name));
    },
  };
}

/**
 * A value with noise of variance 1/12 of a squared unit in the last place of `dtype`: uniform, or in whole units, which the
 * type itself holds.
 */
export function perturbed(
  { shape, data }: Value,
  dtype: FloatDType,
  random: Random,
  inWholeUnits = dtype === 'float64',
): Value {
  const units = unitsByExponent(dtype);
  // Little-endian, as everywhere that ONNX Runtime runs: the exponent is in the upper half of each entry.
  const halves = new Uint32Array(data.buffer, data.byteOffset, 2 * data.length);
  const result = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const unit = units[((halves[2 * i + 1] ?? 0) >>> 20) & 0x7ff] ?? Number.NaN;
    const noise = random.nextUint32() * 2 ** -32 - 0.5;
    result[i] = (data[i] ?? Number.NaN) + (inWholeUnits ? wholeUnit(noise) : noise) * unit;
  }
  return { dtype: 'float', shape, data: result };
}

/**
 * 0 or, one time in twelve, 1 or −1, for uniform noise from −½ to ½: the same variance. A fraction of its own unit float64
 * would round away again.
 */
function wholeUnit(noise: number): number {
  return Math.abs(noise) < 11 / 24 ? 0 : Math.sign(noise);
}

/** The ulp of the numbers with each biased exponent of float64. */
function unitsByExponent(dtype: FloatDType): Float64Array {
  const view = new DataView(new ArrayBuffer(8));
  return Float64Array.from({ length: 2048 }, (_, exponent) => {
    view.setUint32(0, exponent << 20);
    return ulp(view.getFloat64(0), dtype);
  });
}
