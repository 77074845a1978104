import { median } from '../../../core/statistics/index.ts';
import { compareValues, type ValueDifference } from '../../certificate/difference.ts';
import { isWithin, limitsFor } from '../../certificate/limits.ts';
import type { Values } from './engine.ts';
import type { Observations } from './measure.ts';
import type { OnnxOutputMeasurements } from './schema.ts';

/** Compares an output of the models, and holds the figures to their limits. */
export function judge(
  name: string,
  { reference, algebra, stored, run, perturbed, byEngine }: Observations,
): OnnxOutputMeasurements {
  const own = of(reference, name);
  const compared = (values: Values) => compareValues(own.data, sameShape(own.shape, of(values, name)));
  const floor = medianOf(perturbed.map(compared));
  const figures = {
    algebra: algebra === null ? null : compared(algebra),
    stored: stored === null ? null : compared(stored),
    run: run === null ? null : compared(run),
    floor,
    engineFloor: byEngine === null ? null : compared(byEngine),
  };
  const limits = limitsFor(
    { algebra: figures.algebra?.maxAbs ?? null, floor: floor.maxAbs, engineFloor: figures.engineFloor?.maxAbs ?? 0 },
    own.data,
  );
  return { name, shape: [...own.shape], ...figures, limits };
}

/** One phrase for each figure that is over its limit, infinite or not a number. */
export function onnxFailures(outputs: readonly OnnxOutputMeasurements[]): readonly string[] {
  return outputs.flatMap((output) =>
    (['algebra', 'stored', 'run'] as const).flatMap((figure) => {
      const off = output[figure];
      const limit = output.limits[figure];
      if (off === null || isWithin(off.maxAbs, limit)) return [];
      return [
        `${figure} of ${output.name} is off by up to ${off.maxAbs.toExponential(2)}, limit ${limit.toExponential(2)}`,
      ];
    }),
  );
}

function of(values: Values, name: string) {
  const value = values.get(name);
  if (value === undefined) throw new Error(`convert: the model gave no ${name}`);
  return value;
}

/** An output of another shape differs everywhere. */
function sameShape(shape: readonly number[], value: ReturnType<typeof of>): Float64Array {
  return String(shape) === String(value.shape) ? value.data : new Float64Array();
}

function medianOf(differences: readonly ValueDifference[]): ValueDifference {
  return {
    maxAbs: median(differences.map(({ maxAbs }) => maxAbs)),
    nmse: median(differences.map(({ nmse }) => nmse)),
  };
}
