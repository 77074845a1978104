import type { FloatDType } from '../../core/dtype.ts';
import { createRandom } from '../../core/random.ts';
import { ulp } from '../../core/rounding.ts';
import type { Value } from '../../graph/index.ts';
import type { NarrowedParameter } from './stages.ts';

/** How many perturbed copies of the source the floor is the median of. */
export const floorSeeds = 9;

export interface PerturbOptions {
  /** The element type to which it is rounded. */
  readonly dtype: FloatDType;
  readonly seed: number;
  /** Noise of the same variance that the type itself holds. Default for float64. */
  readonly inWholeUnits?: boolean | undefined;
  /** Where the result is put. Default: a new array. */
  readonly into?: Float64Array | undefined;
}

/**
 * A parameter, or part of one, with ±½ ulp of uniform noise on every entry: what rounding it would do
 * to any model that computes the same. The noise of an entry is a function of the seed, the parameter's name and the
 * entry's place in it.
 */
export function perturb(
  { shape, data }: Value,
  { name, ranges }: Pick<NarrowedParameter, 'name' | 'ranges'>,
  { dtype, seed, inWholeUnits = dtype === 'float64', into = new Float64Array(data.length) }: PerturbOptions,
): Value {
  const random = createRandom(seed).split('rounding floor').split(name);
  const [before, between] = [random.nextUint32(), random.nextUint32()];
  const units = unitsByExponent[dtype];
  // Little-endian, as everywhere that ONNX Runtime runs: the exponent is in the upper half of each entry.
  const halves = new Uint32Array(data.buffer, data.byteOffset, 2 * data.length);
  const width = shape.length === 1 ? 1 : (shape[1] ?? 1);
  let i = 0;
  for (const { start, end } of ranges ?? [{ start: 0, end: data.length / width }]) {
    const first = i - start * width;
    for (const last = first + end * width; i < last; i++) {
      // A whole model is perturbed nine times. The project's own random numbers would take longer than the model's runs, and
      // so would a function for each entry that is not compiled into the loop: this mixes the entry's number with two keys.
      let bits = (i - first) ^ before;
      bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d) ^ between;
      bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
      const noise = (bits ^ (bits >>> 16)) * 2 ** -32;
      const unit = units[((halves[2 * i + 1] as number) >>> 20) & 0x7ff] as number;
      into[i] = (data[i] as number) + (inWholeUnits ? wholeUnit(noise) : noise) * unit;
    }
  }
  return { dtype: 'float', shape, data: into };
}

/**
 * 0 or, one time in twelve, 1 or −1, for uniform noise from −½ to ½: the same variance. A fraction of its own unit float64
 * would round away again.
 */
function wholeUnit(noise: number): number {
  return Math.abs(noise) < 11 / 24 ? 0 : Math.sign(noise);
}

/** The ulp of the numbers with each biased exponent of float64. */
const unitsByExponent: Readonly<Record<FloatDType, Float64Array>> = {
  float64: unitsOf('float64'),
  float32: unitsOf('float32'),
  float16: unitsOf('float16'),
  bfloat16: unitsOf('bfloat16'),
};

function unitsOf(dtype: FloatDType): Float64Array {
  const view = new DataView(new ArrayBuffer(8));
  return Float64Array.from({ length: 2048 }, (_, exponent) => {
    view.setUint32(0, exponent << 20);
    return ulp(view.getFloat64(0), dtype);
  });
}
