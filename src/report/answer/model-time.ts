import { confidenceInterval, fixed, percent } from '../format.ts';
import type { ModelTiming, ModelWorkload } from '../model-results.ts';
import type { Interval } from '../results.ts';

/** Changes of a model's time that stay below this are said not to matter. */
export const tooSmallToMatter = 0.03;

/** What an interval of a ratio of times says: `same` where all of it is too near to 1 to matter. */
export type Effect = 'less' | 'more' | 'same' | 'open';

/** The time of a variant relative to the model as it is. */
export interface RelativeTime {
  readonly relative: number;
  readonly ci: Interval;
}

/**
 * 1. The whole interval is on one side of 1: less, or more, time.
 * 2. Otherwise, all of it within 3% of 1: the same.
 * 3. Otherwise nothing was established.
 */
export function effectOf({ ci: [low, high] }: RelativeTime): Effect {
  if (high < 1) return 'less';
  if (low > 1) return 'more';
  return low > 1 - tooSmallToMatter && high < 1 + tooSmallToMatter ? 'same' : 'open';
}

/** What takes this time takes `1.2% less time (95% CI 0.3% to 2.1%)`, in words that say what was established. */
export function effectText(time: RelativeTime): string {
  const { relative, ci } = time;
  switch (effectOf(time)) {
    case 'less':
      return `${percent(1 - relative)} less time (${confidenceInterval([1 - ci[1], 1 - ci[0]], percent)})`;
    case 'more':
      return `${percent(relative - 1)} more time (${confidenceInterval([ci[0] - 1, ci[1] - 1], percent)})`;
    case 'same':
      return `the same time within ${percent(tooSmallToMatter, 0)} (95% CI ${range(ci)})`;
    case 'open':
      return `no measurably different time (95% CI ${range(ci)})`;
  }
}

/** `1.2% less to 0.4% more`. */
function range([low, high]: Interval): string {
  const write = (ratio: number) => `${percent(Math.abs(1 - ratio))} ${ratio < 1 ? 'less' : 'more'}`;
  return `${write(low)} to ${write(high)}`;
}

/** The time of a variant in a workload; undefined where it was not measured. */
export function timeOf(
  workload: ModelWorkload,
  variant: string,
  norms: 'kernels' | 'plain' = 'kernels',
): ModelWorkload['times'][number] | undefined {
  return workload.times.find((time) => time.variant === variant && time.norms === norms);
}

/** `a prompt of 512 tokens`, `one token after 512 others`. */
export function workloadName({ id, tokens }: ModelWorkload): string {
  return id === 'prompt' ? `a prompt of ${fixed(tokens, 0)} tokens` : `one token after ${fixed(tokens, 0)} others`;
}

/** The name of a variant in a sentence. */
export function variantName({ variants }: ModelTiming, id: string): string {
  return variants.find((variant) => variant.id === id)?.name ?? id;
}
