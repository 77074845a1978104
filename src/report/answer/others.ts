import { enumeration, percent, plural, signed } from '../format.ts';
import type { Interval, NormRuns, TrainingResults } from '../results.ts';

interface Compared {
  readonly name: string;
  readonly difference: number;
  readonly ci: Interval;
  readonly level: number;
}

/** What the norms besides LayerNorm and RMSNorm did relative to LayerNorm, with the caution that many comparisons want. */
export function otherNormSentences(training: TrainingResults | null): readonly string[] {
  const others = (training?.norms ?? []).filter(({ id }) => id !== 'layernorm' && id !== 'rmsnorm');
  const compared = others.flatMap(({ name, paired }) =>
    paired?.ci ? [{ name, difference: paired.difference, ci: paired.ci, level: paired.level }] : [],
  );
  return [...comparisonSentences(compared), ...divergenceSentence(others)];
}

function comparisonSentences(compared: readonly Compared[]): readonly string[] {
  const [first] = compared;
  if (!first) return [];
  const lower = compared.filter(({ ci }) => ci[1] < 0);
  const higher = compared.filter(({ ci }) => ci[0] > 0);
  const open = compared.filter((norm) => !lower.includes(norm) && !higher.includes(norm));
  const found = [
    ...(lower.length > 0 ? [`lower with ${enumeration(lower.map(amount))}`] : []),
    ...(higher.length > 0 ? [`higher with ${enumeration(higher.map(amount))}`] : []),
    ...(open.length > 0 ? [`not shown to be either with ${enumeration(open.map(({ name }) => name))}`] : []),
  ];
  const caution =
    compared.length === 1
      ? []
      : [
          `Each of these ${compared.length} intervals stands for itself (${percent(first.level, 0)}, not widened for their number), so one or another can exclude zero by chance.`,
        ];
  return [
    `Of the other norms, the loss relative to LayerNorm's was ${found.join('; ')} (nats per byte; lower or higher where the interval excludes zero).`,
    ...caution,
  ];
}

function amount({ name, difference }: Compared): string {
  return `${name} (${signed(difference, 4)})`;
}

function divergenceSentence(norms: readonly NormRuns[]): readonly string[] {
  const lost = norms.flatMap(({ name, runs }) => {
    const diverged = runs.filter((run) => run.diverged).length;
    return diverged > 0 ? [`${diverged} of ${plural(runs.length, 'run')} with ${name}`] : [];
  });
  return lost.length === 0 ? [] : [`Diverged among the other norms: ${enumeration(lost)}.`];
}
