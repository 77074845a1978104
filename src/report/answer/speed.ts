import { confidenceInterval, enumeration, fixed, percent } from '../format.ts';
import type { Interval, SpeedResults, StudyResults } from '../results.ts';
import { tooSmallToMatter } from './model-time.ts';

/** RMSNorm's time of a whole model over LayerNorm's. */
interface Change {
  readonly size: string;
  readonly ratio: number;
  readonly ci: Interval;
}

/**
 * What RMSNorm does to a whole model's time here, in one sentence; null where that was not measured.
 *
 * 1. The intervals of more than half of the sizes lie on one side of 1 and none on the other: less, or more, time.
 * 2. Otherwise, every interval within 3% of 1: no difference that would matter.
 * 3. Otherwise, intervals on both sides of 1: faster at some sizes, slower at others.
 * 4. Otherwise no difference was established.
 */
export function modelTimeClause(speed: SpeedResults | null): string | null {
  const changes = changesOf(speed);
  if (changes.length === 0) return null;
  const faster = changes.filter(({ ci }) => ci[1] < 1);
  const slower = changes.filter(({ ci }) => ci[0] > 1);
  const decided = faster.length > 0 ? faster : slower;
  const contradicted = faster.length > 0 && slower.length > 0;
  if (!contradicted && decided.length > changes.length / 2) {
    const where =
      decided.length === changes.length ? '' : ` at ${decided.length} of the ${changes.length} sizes measured`;
    return `On this machine a whole model takes ${amountRange(decided)} ${faster.length > 0 ? 'less' : 'more'} time with RMSNorm${where}.`;
  }
  if (tooSmall(changes)) {
    return `On this machine no difference in the time of a whole model that would matter was measured (between ${extremes(changes)}).`;
  }
  return contradicted
    ? `On this machine RMSNorm makes some model sizes faster and others slower (between ${extremes(changes)} time).`
    : `On this machine no difference in the time of a whole model was established (between ${extremes(changes)}).`;
}

function tooSmall(changes: readonly Change[]): boolean {
  return changes.every(({ ci }) => ci[0] > 1 - tooSmallToMatter && ci[1] < 1 + tooSmallToMatter);
}

/** The lowest and the highest time that any size's interval holds possible: `1.7% less and 0.4% more`. */
function extremes(changes: readonly Change[]): string {
  const ends = changes.flatMap(({ ci }) => ci);
  const write = (ratio: number) => `${percent(Math.abs(1 - ratio))} ${ratio < 1 ? 'less' : 'more'}`;
  return `${write(Math.min(...ends))} and ${write(Math.max(...ends))}`;
}

function amountRange(changes: readonly Change[]): string {
  const amounts = changes.map(({ ratio }) => Math.abs(1 - ratio)).sort((a, b) => a - b);
  const least = percent(amounts[0] ?? 0);
  const most = percent(amounts.at(-1) ?? 0);
  return least === most ? least : `${least} to ${most}`;
}

/** What was measured of time on this machine, as sentences. */
export function speedSentences(results: StudyResults): readonly string[] {
  const { speed } = results;
  if (!speed) return [`Speed was not measured: ${results.notMeasured.speed ?? 'no reason was given'}.`];
  return [
    ...shareSentence(speed),
    ...changeSentences(changesOf(speed)),
    ...kernelSentence(speed),
    `These are the kernels of ${speed.runtimeLabel} on ${results.machine.cpu}; another runtime or device has others, and the order of the norms can differ there.`,
  ];
}

function changesOf(speed: SpeedResults | null): readonly Change[] {
  return (speed?.shares ?? []).flatMap((share) => {
    const found = share.norms.find((norm) => norm.norm === 'rmsnorm');
    return found ? [{ size: share.size, ratio: found.relativeToLayerNorm, ci: found.ci }] : [];
  });
}

function shareSentence({ shares }: SpeedResults): readonly string[] {
  if (shares.length === 0) return [];
  const clear = shares.filter(({ normShare }) => normShare.ci[0] > 0);
  const open = shares.filter((share) => !clear.includes(share));
  const shareOf = ({ size, normShare }: SpeedResults['shares'][number]) =>
    `${percent(normShare.value)} in ${size} (${confidenceInterval(normShare.ci, percent)})`;
  const unclear = open.map(({ size, normShare }) => `${size} (${confidenceInterval(normShare.ci, percent)})`);
  return [
    ...(clear.length > 0
      ? [
          `Without any norm a LayerNorm model would take less time by ${enumeration(clear.map(shareOf))}: no norm can save more.`,
        ]
      : []),
    ...(open.length > 0 ? [`The share of the norms was too small to be measured in ${enumeration(unclear)}.`] : []),
  ];
}

function changeSentences(changes: readonly Change[]): readonly string[] {
  const saves = changes.filter(({ ci }) => ci[1] < 1);
  const costs = changes.filter(({ ci }) => ci[0] > 1);
  const open = changes.filter((change) => !saves.includes(change) && !costs.includes(change));
  const inPlace = 'RMSNorm in place of LayerNorm';
  return [
    ...(saves.length > 0
      ? [`${inPlace} saves ${enumeration(saves.map((c) => amount(c.size, 1 - c.ratio, [1 - c.ci[1], 1 - c.ci[0]])))}.`]
      : []),
    ...(costs.length > 0
      ? [`${inPlace} costs ${enumeration(costs.map((c) => amount(c.size, c.ratio - 1, [c.ci[0] - 1, c.ci[1] - 1])))}.`]
      : []),
    ...(open.length > 0
      ? [
          `In ${enumeration(open.map(({ size }) => size))} no difference between the two could be measured: the interval of their ratio includes 1.`,
        ]
      : []),
    ...(changes.length > 0
      ? [
          `Over all sizes the 95% intervals lie between ${extremes(changes)} time${tooSmall(changes) ? `, within the ${percent(tooSmallToMatter, 0)} that are taken as too small to matter` : ''}.`,
        ]
      : []),
  ];
}

function amount(size: string, value: number, ci: Interval): string {
  return `${percent(value)} in ${size} (${confidenceInterval(ci, percent)})`;
}

function kernelSentence(speed: SpeedResults): readonly string[] {
  const rmsNorm = speed.ops.filter((op) => op.norm === 'rmsnorm');
  const largest = rmsNorm.toSorted((a, b) => b.rows * b.width - a.rows * a.width)[0];
  if (!largest) return [];
  const directions = rmsNorm
    .filter((op) => op.rows === largest.rows && op.width === largest.width)
    .map(({ direction, ratioToLayerNorm: { ratio, ci } }) => {
      const interval = confidenceInterval(ci, (end) => fixed(end, 2));
      return `${fixed(ratio, 2)} times as long as LayerNorm's ${direction} (${interval})`;
    });
  return [
    `Alone, on ${fixed(largest.rows, 0)} rows of width ${fixed(largest.width, 0)}, RMSNorm's kernel takes ${enumeration(directions)}.`,
  ];
}
