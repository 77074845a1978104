import { RefusalError } from '../core/errors.ts';
import type { Model } from '../models/index.ts';
import { type ConversionFormat, conversionFormats, defaultFormat, formatOf, formatPlan } from './formats/registry.ts';
import type { ConversionTarget, RewriteOptions } from './options.ts';
import { nothingToDo } from './refuse.ts';
import { conversionPlan } from './rules/plan.ts';

/** Whether a model can become what is asked for, decided by its config alone. */
export type ConversionVerdict =
  | {
      readonly outcome: 'converts';
      readonly target: ConversionTarget;
      /** The formats that can hold the result, that which is written by default first. */
      readonly formats: readonly ConversionFormat[];
      readonly tensors: number;
      /** Of `tensors`, those that change. */
      readonly rewritten: number;
      /** Whether the head becomes a matrix of its own. */
      readonly untiesHead: boolean;
      /** Whether the decoder subtracts the mean of the embeddings' sum itself. */
      readonly recentresInput: boolean;
    }
  /** It is what is asked for already. */
  | {
      readonly outcome: 'nothing-to-do';
      readonly target: ConversionTarget;
      readonly reason: string;
      /** Whether the norms' weights could go into the linears that read them. */
      readonly foldable: boolean;
    }
  | { readonly outcome: 'refused'; readonly target: ConversionTarget; readonly reason: string };

/** Says of a model whether and how `convertModel` would convert it, and if not, why. */
export function conversionVerdict(
  model: Pick<Model, 'folder' | 'spec' | 'config' | 'family'>,
  target: ConversionTarget,
): ConversionVerdict {
  const { folder, spec } = model;
  try {
    const reason = nothingToDo(model, target);
    if (reason !== undefined) {
      const foldable = canFold(model, target);
      return { outcome: 'nothing-to-do', target, reason: withoutFolder(reason, folder), foldable };
    }
  } catch (error) {
    return { outcome: 'refused', target, reason: withoutFolder(refusalOf(error), folder) };
  }
  const plan = conversionPlan(spec, target);
  const byDefault = defaultFormat(model, target);
  const formats = conversionFormats.filter((format) => {
    try {
      formatPlan(formatOf(format), { model, target, rewrites: {}, dtype: 'source' });
      return true;
    } catch (error) {
      refusalOf(error);
      return false;
    }
  });
  return {
    outcome: 'converts',
    target,
    formats: [byDefault, ...formats.filter((format) => format !== byDefault)],
    tensors: plan.rules.length,
    rewritten: plan.rules.filter(({ steps }) => steps.length > 0).length,
    untiesHead: spec.tiedHead && !plan.spec.tiedHead,
    recentresInput: plan.spec.recentreInput === true,
  };
}

/** Whether a model would be rewritten, whose norms are what is asked for, if they were also to be folded. */
export function canFold(
  model: Parameters<typeof nothingToDo>[0],
  target: ConversionTarget,
  options: RewriteOptions = {},
): boolean {
  try {
    return nothingToDo(model, target, { ...options, fold: true }) === undefined;
  } catch (error) {
    refusalOf(error);
    return false;
  }
}

function refusalOf(error: unknown): string {
  if (error instanceof RefusalError) return error.message;
  throw error;
}

function withoutFolder(message: string, folder: string): string {
  return message.startsWith(`${folder}: `) ? message.slice(folder.length + 2) : message;
}
