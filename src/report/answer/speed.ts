import { confidenceInterval, enumeration, fixed, percent, significant } from '../format.ts';
import type { Interval, SpeedResults, StudyResults } from '../results.ts';

type TimeShare = SpeedResults['shares'][number];

/** What RMSNorm does to a whole model's time here, in one sentence; null where that was not measured. */
export function modelTimeClause(speed: SpeedResults | null): string | null {
  const changes = speed?.shares.flatMap((share) => rmsNormTime(share) ?? []) ?? [];
  if (changes.length === 0) return null;
  const faster = changes.filter(({ ci }) => ci[1] < 1);
  const slower = changes.filter(({ ci }) => ci[0] > 1);
  if (faster.length === 0 && slower.length === 0) {
    return 'On this machine no difference in the time of a whole model could be measured.';
  }
  if (faster.length > 0 && slower.length > 0) {
    return 'On this machine RMSNorm makes some model sizes faster and others slower.';
  }
  const decided = faster.length > 0 ? faster : slower;
  const amounts = decided.map(({ ratio }) => Math.abs(1 - ratio)).sort((a, b) => a - b);
  const [least = 0] = amounts;
  const most = amounts.at(-1) ?? 0;
  const range = percent(least) === percent(most) ? percent(least) : `${percent(least)} to ${percent(most)}`;
  const where =
    decided.length === changes.length
      ? 'a whole model'
      : `a whole model at ${decided.length} of the ${changes.length} sizes measured`;
  return `On this machine RMSNorm takes ${range} ${faster.length > 0 ? 'off' : 'more than'} the time of ${where}.`;
}

/** What was measured of time on this machine, as sentences. */
export function speedSentences(results: StudyResults): readonly string[] {
  const { speed } = results;
  if (!speed) return [`Speed was not measured: ${results.notMeasured.speed ?? 'no reason was given'}.`];
  return [
    ...kernelSentence(speed),
    ...speed.shares.map(shareSentence),
    `These are the kernels of ${speed.runtimeLabel} on ${results.machine.cpu}; another runtime or device has others, and the order of the norms can differ there.`,
  ];
}

function rmsNormTime(share: TimeShare): { readonly ratio: number; readonly ci: Interval } | null {
  const found = share.norms.find((norm) => norm.norm === 'rmsnorm');
  return found ? { ratio: found.relativeToLayerNorm, ci: found.ci } : null;
}

function kernelSentence(speed: SpeedResults): readonly string[] {
  const rmsNorm = speed.ops.filter((op) => op.norm === 'rmsnorm');
  const largest = rmsNorm.toSorted((a, b) => b.rows * b.width - a.rows * a.width)[0];
  if (!largest) return [];
  const directions = (['forward', 'backward'] as const).flatMap((direction) => {
    const op = rmsNorm.find(
      (candidate) =>
        candidate.direction === direction && candidate.rows === largest.rows && candidate.width === largest.width,
    );
    if (!op) return [];
    const { ratio, ci } = op.ratioToLayerNorm;
    return [`${significant(ratio)} times LayerNorm's time ${direction} (${confidenceInterval(ci, significant)})`];
  });
  return [
    `Alone, on ${fixed(largest.rows, 0)} rows of width ${fixed(largest.width, 0)}, RMSNorm takes ${enumeration(directions)}.`,
  ];
}

function shareSentence(share: TimeShare): string {
  const write = (end: number) => percent(end);
  const norms = `In ${share.size} (${share.layers} layers of width ${fixed(share.hiddenSize, 0)}, ${fixed(share.batch, 0)} × ${fixed(share.tokens, 0)} tokens) removing every norm would save ${percent(share.normShare.value)} of the time (${confidenceInterval(share.normShare.ci, write)})`;
  const change = rmsNormTime(share);
  if (!change) return `${norms}.`;
  const [low, high] = change.ci;
  if (low <= 1 && high >= 1) {
    return `${norms}; RMSNorm in place of LayerNorm changes it by no amount that could be measured (relative time ${confidenceInterval(change.ci, (end) => fixed(end, 3))}).`;
  }
  const saved: Interval = change.ratio < 1 ? [1 - high, 1 - low] : [low - 1, high - 1];
  const verb = change.ratio < 1 ? 'saves' : 'costs';
  return `${norms}; RMSNorm in place of LayerNorm ${verb} ${percent(Math.abs(1 - change.ratio))} (${confidenceInterval(saved, write)}).`;
}
