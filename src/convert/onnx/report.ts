import { z } from 'zod';
import type { Cut } from './decide.ts';
import { isFound } from './norms/index.ts';
import type { OnnxPlan } from './plan.ts';
import { normForms } from './rewrite/normOps.ts';

export const onnxReportSchema = z.strictObject({
  /** What became of each norm, and why. */
  norms: z.array(
    z.strictObject({
      name: z.string(),
      width: z.int().nullable(),
      epsilon: z.number().nullable(),
      outcome: z.enum(['converted', 'kept']),
      /** What it was written as; null where it is kept. */
      form: z.enum(normForms).nullable(),
      /** What makes its input lose its mean, or what keeps it from that. */
      why: z.string(),
    }),
  ),
  /** The constants that lost their mean over the channels. */
  centred: z.array(
    z.strictObject({
      tensor: z.string(),
      /** The axis of the channels; null where the tensor is one number for all of them, and became 0. */
      axis: z.int().nullable(),
      /** The name of the copy, where other nodes read the tensor as it was. */
      copy: z.string().nullable(),
      /** The tensors of per-channel factors that were multiplied in. */
      folded: z.array(z.string()),
    }),
  ),
  /** Where an explicit op takes the mean out. */
  explicit: z.array(z.strictObject({ value: z.string(), axis: z.int() })),
});

export type OnnxReport = z.infer<typeof onnxReportSchema>;
type NormReport = OnnxReport['norms'][number];

/** Says what a plan does. */
export function reportOf({ norms, decision, rewriting }: OnnxPlan): OnnxReport {
  const verdicts = new Map(decision.norms.map((verdict, i) => [verdict.norm, { verdict, i }]));
  return {
    norms: norms.flatMap((norm): NormReport[] => {
      if (!isFound(norm)) {
        const { name, width, epsilon, reason } = norm;
        return [{ name, width, epsilon, outcome: 'kept', form: null, why: reason }];
      }
      const found = verdicts.get(norm);
      const { name, width, epsilon } = norm;
      // A subtraction of a mean alone is no norm, unless it could go.
      if (found === undefined || (norm.kind === 'centring' && found.verdict.outcome === 'kept')) return [];
      const { verdict, i } = found;
      const form = rewriting.forms.get(i) ?? null;
      const isKept = verdict.outcome === 'kept';
      const why = isKept ? (verdict.reason ?? '') : convertedText(verdict.cuts);
      return [{ name, width, epsilon, outcome: isKept ? 'kept' : 'converted', form, why }];
    }),
    centred: rewriting.centred.map(({ source, treatment, name, isCopy }) => ({
      tensor: source.name,
      axis: treatment.axis !== null && source.shape[treatment.axis] === treatment.width ? treatment.axis : null,
      copy: isCopy ? name : null,
      folded: treatment.scale.map(({ constant }) => constant),
    })),
    explicit: decision.cuts.map(({ value, axis }) => ({ value, axis })),
  };
}

function convertedText(cuts: readonly Cut[]): string {
  return cuts.length === 0 ? 'its producers are centred' : 'its producers are centred, some by an explicit op';
}
