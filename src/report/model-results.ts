import { z } from 'zod';
import { certificate, count, type DeepReadonly, interval, positive, positiveCount, text } from './fields.ts';

const target = z.enum(['rmsnorm', 'crmsnorm']);

/** Perplexity before and after, in the float32 engine, on the beginning of a text. */
const perplexity = z.strictObject({ text, tokens: positiveCount, before: positive, after: positive });

/** What became of a model on the way to one of the targets. */
const outcome = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.literal('converted'),
    target,
    /** Beside the report. */
    folder: text,
    format: text,
    dtype: text,
    tensors: positiveCount,
    tensorsRewritten: count,
    untiedHead: z.boolean(),
    certificate: certificate.nullable(),
    /** Why there is no certificate: given exactly where there is none. */
    notCertified: text.nullable(),
    perplexity: perplexity.nullable(),
  }),
  /** It would convert, and was not converted. */
  z.strictObject({ outcome: z.literal('convertible'), target, reason: text }),
  /** It was converted, and the certificate said no. */
  z.strictObject({ outcome: z.literal('failed'), target, reason: text }),
  /** It is what was asked for. */
  z.strictObject({ outcome: z.literal('nothing-to-do'), target, reason: text }),
  /** It can't be converted exactly; `advice` says what can be done. */
  z.strictObject({ outcome: z.literal('refused'), target, reason: text, advice: text }),
]);

/** The time of a variant, over that of the model as it is with its norms written alike. */
const variantTime = z.strictObject({
  variant: text,
  /** `kernels`: as the runtime runs it. `plain`: every norm in the same elementwise operations and means of rows. */
  norms: z.enum(['kernels', 'plain']),
  milliseconds: positive,
  relative: positive,
  ci: interval,
});

const timing = z.strictObject({
  runtimeLabel: text,
  /** The variant that is the model as it is. */
  baseline: text,
  variants: z.array(
    z.strictObject({
      id: text,
      name: text,
      /** Whether it computes what the model computes. */
      sameFunction: z.boolean(),
    }),
  ),
  layers: count,
  layersRun: count,
  /** How the times were found, in one sentence. */
  composed: text,
  replicates: positiveCount,
  workloads: z.array(
    z.strictObject({
      id: z.enum(['prompt', 'token']),
      /** The prompt's tokens, or those before the one token. */
      tokens: count,
      rounds: positiveCount,
      times: z.array(variantTime),
    }),
  ),
});

/** The model that a study was asked about. Every interval in here is at 95%. */
export const modelSchema = z.strictObject({
  name: text,
  family: text,
  parameters: positiveCount,
  layers: count,
  hiddenSize: positiveCount,
  /** Its weights' bytes, dtypes and files in words; null where the folder holds none. */
  weights: text.nullable(),
  /** The architecture in words, in the order in which data flow. */
  description: z.array(z.strictObject({ label: text, text })),
  norms: z.array(
    z.strictObject({
      id: text,
      name: text,
      where: text,
      count: positiveCount,
      width: positiveCount,
      epsilon: z.number().nonnegative(),
      parameters: count,
    }),
  ),
  conversions: z.array(outcome),
  /** Why there is no perplexity; null where there is one, or where nothing was converted. */
  noPerplexity: text.nullable(),
  timing: timing.nullable(),
  /** Why there is no timing: given exactly where there is none. */
  notTimed: text.nullable(),
});

export type ModelResults = DeepReadonly<z.infer<typeof modelSchema>>;
export type ModelConversion = ModelResults['conversions'][number];
export type ConvertedResult = Extract<ModelConversion, { readonly outcome: 'converted' }>;
export type ModelTiming = NonNullable<ModelResults['timing']>;
export type ModelWorkload = ModelTiming['workloads'][number];

/** The parts of a model's results that are measured, each on its own. */
export const modelParts = {
  timing: (value: unknown): ModelTiming | null => timing.safeParse(value).data ?? null,
  conversions: (value: unknown): readonly ModelConversion[] | null => z.array(outcome).safeParse(value).data ?? null,
};
