import { z } from 'zod';
import { floatDTypes } from '../../core/dtype.ts';
import { conversionFormats } from '../formats/registry.ts';
import { conversionTargets } from '../options.ts';

/** The version of `certificate.json` that this code writes, and the only one that it reads. */
export const certificateFormatVersion = 2;

const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** How far the logits of two models are apart on the certificate's inputs. */
const logitDifference = z.strictObject({
  /** max |Δlogit| */
  maxAbsLogit: z.number().nonnegative(),
  /** Σ(Δlogit)² / Σ(logit of the source)² */
  nmse: z.number().nonnegative(),
  /** Mean over positions of KL(source ‖ converted), in nats. Rounding can bring it below 0. */
  kl: z.number(),
  /** The share of positions at which both rank the same token first. */
  top1Agreement: z.number().min(0).max(1),
});

/** The same, and what became of the residual stream. */
const difference = logitDifference.extend({
  /**
   * The largest |mean over the hidden dimension| of the stream at any position: after the embeddings, then after each
   * layer. In a CRMSNorm model it is 0 by construction: the coordinate that is not stored is minus the sum of the others.
   */
  residualMeans: z.strictObject({ before: z.array(z.number()), after: z.array(z.number()) }),
});

const inputIds = z.array(z.array(count).min(1)).min(1);

/** The token ids `[batch, sequence]` on which the models were compared, and where they are from. */
const inputs = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('random'), seed: z.int(), inputIds }),
  /** The beginning of a file, by the source's own tokenizer. */
  z.strictObject({ kind: z.literal('text'), file: z.string(), tokenizer: z.string(), inputIds }),
  z.strictObject({ kind: z.literal('given'), label: z.string(), inputIds }),
]);

export const certificateSchema = z.strictObject({
  formatVersion: z.literal(certificateFormatVersion),
  normlabVersion: z.string(),
  /** `sha256` is that of the list of files, a line `<sha256>  <name>` each. */
  source: z.strictObject({
    family: z.string(),
    sha256,
    files: z.array(z.strictObject({ name: z.string(), sha256 })),
  }),
  target: z.enum(conversionTargets),
  format: z.enum(conversionFormats),
  /** The element types that were written. */
  dtypes: z.array(z.enum(floatDTypes)),
  /** Taken over as they are: another epsilon is another function. */
  epsilon: z.strictObject({ blocks: z.number(), final: z.number() }),
  /** Whether the head had been the token embedding and got a matrix of its own. */
  untiedHead: z.boolean(),
  /** What was done to each written tensor, in float64, before it was rounded once to its dtype. */
  rules: z.array(
    z.strictObject({ tensor: z.string(), parameter: z.string(), rule: z.string(), dtype: z.enum(floatDTypes) }),
  ),
  inputs,
  /** float64 arithmetic on the weights before they were rounded. */
  algebra: difference,
  /** float64 arithmetic on the weights as written. */
  stored: difference,
  /** The weights as written in the float32 engine, against the source in float64. */
  run: difference,
  /** What rounding alone does: the median over `floorSeeds` seeds of ±½ ulp on every rewritten tensor of the source. */
  floor: logitDifference,
  floorSeeds: z.int().positive(),
  /** What float32 alone does: the source in the engine against the source in float64. */
  engineFloor: logitDifference,
  /**
   * exp of the mean loss in nats per token, where the inputs are text: of the source and of the converted weights as
   * written, in float64, and of both in the float32 engine.
   */
  perplexity: z
    .strictObject({
      source: z.number().nonnegative(),
      stored: z.number().nonnegative(),
      sourceRun: z.number().nonnegative(),
      run: z.number().nonnegative(),
    })
    .nullable(),
  /** The largest `maxAbsLogit` that each figure may have. */
  limits: z.strictObject({ algebra: z.number(), stored: z.number(), run: z.number() }),
  passed: z.boolean(),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** How equal a converted model is to its source, and what was done to it: the content of `certificate.json`. */
export type Certificate = DeepReadonly<z.infer<typeof certificateSchema>>;
export type LogitDifference = Readonly<z.infer<typeof logitDifference>>;
export type Difference = Certificate['algebra'];
export type CertificateInputs = Certificate['inputs'];
