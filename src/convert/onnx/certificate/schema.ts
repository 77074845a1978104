import { z } from 'zod';
import { dtypes } from '../../../core/dtype.ts';

/** The version of the measurements of a pair of ONNX models that this code makes. */
export const onnxMeasurementsVersion = 1;

const difference = z.strictObject({
  /** max |Δ| */
  maxAbs: z.number().nonnegative(),
  /** Σ(Δ)² / Σ(source)² */
  nmse: z.number().nonnegative(),
});

const output = z.strictObject({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  /** float64 arithmetic on the weights before they were rounded; null where it can't be measured. */
  algebra: difference.nullable(),
  /** float64 arithmetic on the weights as written; null where it can't be measured. */
  stored: difference.nullable(),
  /**
   * The written model in the engine, against the source in float64, or in the engine where there is no float64; null where
   * the engine can't run the source.
   */
  run: difference.nullable(),
  /** What rounding alone does: the median over `floorSeeds` seeds of ±½ ulp on every rewritten tensor of the source. */
  floor: difference,
  /** What the engine alone does: the source in it against the source in float64, or against itself without optimizations. */
  engineFloor: difference.nullable(),
  /** The largest `maxAbs` that each figure may have. */
  limits: z.strictObject({ algebra: z.number(), stored: z.number(), run: z.number() }),
});

export const onnxMeasurementsSchema = z.strictObject({
  formatVersion: z.literal(onnxMeasurementsVersion),
  /** On what the models were compared: `random` of the seed, `given` in a file, ones for masks, places for positions. */
  inputs: z.array(
    z.strictObject({
      name: z.string(),
      dtype: z.enum(dtypes),
      shape: z.array(z.int().nonnegative()),
      content: z.string(),
    }),
  ),
  seed: z.int(),
  /** Why there is no float64; null where there is. Then `run` compares the engine with itself. */
  withoutFloat64: z.string().nullable(),
  /** Why the engine can't run the source; null where it can. Then there is no `run`. */
  withoutEngine: z.string().nullable(),
  /** Every float output. */
  outputs: z.array(output).min(1),
  /** For each replaced norm the largest |mean over the hidden dimension| of what it reads; empty without float64. */
  norms: z.array(
    z.strictObject({ before: z.string(), after: z.string(), meanBefore: z.number(), meanAfter: z.number() }),
  ),
  floorSeeds: z.int().positive(),
  passed: z.boolean(),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

export type OnnxMeasurements = DeepReadonly<z.infer<typeof onnxMeasurementsSchema>>;
export type OnnxOutputMeasurements = OnnxMeasurements['outputs'][number];
