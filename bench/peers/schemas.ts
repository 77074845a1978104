import { z } from 'zod';

const failed = z.object({ error: z.string() });
const difference = z.number().nonnegative();

/** A line of convert_transformers.py: a source, and its conversions in the order of the job. */
export const comparedSchema = z.union([
  failed,
  z.object({
    class: z.string(),
    transformers: z.string(),
    problems: z.array(z.string()),
    /** To the logits that were recorded with the model. */
    toRecorded: difference,
    converted: z.array(
      z.object({
        class: z.string(),
        problems: z.array(z.string()),
        /** To the source, as transformers runs the class. */
        maxAbsLogit: difference,
        /** With RMSNorms in the place of its LayerNorms; null where there are none. */
        withRmsNorms: difference.nullable(),
      }),
    ),
  }),
]);

/** A line of folding_rules.py: max |Δlogit| of each set of rules. */
export const foldingSchema = z.union([
  failed,
  z.object({
    norm: z.enum(['LayerNorm', 'RMSNorm']),
    epsilon: z.number(),
    sliceGpt: difference,
    sliceGptOwnEpsilon: difference,
    sliceGptOwnEmbeddings: difference.nullable(),
    transformerLens: difference,
    transformerLensAsRmsNorm: difference.nullable(),
  }),
]);

/** A line of folding_transformer_lens.py: TransformerLens in float32 against transformers in float64. */
export const lensSchema = z.union([
  failed.extend({ transformerLens: z.string() }),
  z.object({
    transformerLens: z.string(),
    maxAbsLogit: difference,
    /** The same without any processing of the weights. */
    unprocessed: difference,
    /** transformers in float32. */
    float32: difference,
  }),
]);

/** A line of onnx_transformers.py: parts of the largest logit, against transformers in float32. */
export const exportedSchema = z.union([
  failed,
  z.object({
    onnxruntimeVersion: z.string(),
    onnxruntime: difference,
    /** Missing where Optimum is not installed or does not know the class. */
    Optimum: difference.optional(),
    optimumError: z.string().nullable(),
    tolerance: z.number(),
  }),
]);
