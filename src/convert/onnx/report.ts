import type { Cut } from './decide.ts';
import { isFound } from './norms/index.ts';
import type { OnnxPlan } from './plan.ts';
import type { NormForm } from './rewrite/normOps.ts';

/** What became of a norm, and why. */
export interface NormReport {
  readonly name: string;
  readonly width: number | null;
  readonly epsilon: number | null;
  readonly outcome: 'converted' | 'kept';
  /** What it was written as; null where it is kept. */
  readonly form: NormForm | null;
  /** What makes its input lose its mean, or what keeps it from that. */
  readonly why: string;
}

/** An initializer that lost its mean over the channels. */
export interface CentredReport {
  readonly tensor: string;
  /** The axis of the channels; null where the tensor is one number for all of them, and became 0. */
  readonly axis: number | null;
  /** The name of the copy, where other nodes read the tensor as it was. */
  readonly copy: string | null;
  /** The tensors of per-channel factors that were multiplied in. */
  readonly folded: readonly string[];
}

export interface OnnxReport {
  readonly norms: readonly NormReport[];
  readonly centred: readonly CentredReport[];
  /** Where an explicit op takes the mean out. */
  readonly explicit: readonly Cut[];
}

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
    explicit: decision.cuts,
  };
}

function convertedText(cuts: readonly Cut[]): string {
  return cuts.length === 0 ? 'its producers are centred' : 'its producers are centred, some by an explicit op';
}
