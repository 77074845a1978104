import { plural, quantity } from '../format.ts';
import type { TrainingResults } from '../results.ts';
import type { Quality } from './quality.ts';

export const confidences = ['low', 'moderate', 'high'] as const;
export type Confidence = (typeof confidences)[number];

/** The rules of `judgeConfidence`, as the report prints them. */
export const confidenceRules = [
  'Low: no verdict, or fewer than 3 pairs of runs.',
  'Moderate at most: fewer than 5 pairs, a deciding p-value above 0.01, a run of either norm that diverged, planned runs that are missing, or fewer than 10 million parameters.',
  'High: none of these. The confidence is in the verdict at the size that was trained, not at any other.',
] as const;

const pairsForModerate = 3;
const pairsForHigh = 5;
const pValueForHigh = 0.01;
const parametersForHigh = 10e6;

/** How sure the verdict is: the lowest confidence that any rule of `confidenceRules` allows. */
export function judgeConfidence(
  training: TrainingResults | null,
  quality: Quality,
): { readonly confidence: Confidence; readonly confidenceReasons: readonly string[] } {
  if (!training || quality.verdict === 'not-measured') {
    return { confidence: 'low', confidenceReasons: ['there is no measurement of quality'] };
  }
  const caps: { readonly atMost: Confidence; readonly reason: string }[] = [];
  const cap = (atMost: Confidence, applies: boolean, reason: string) => {
    if (applies) caps.push({ atMost, reason });
  };
  const { decidingPValue, diverged, pairs } = quality;
  cap('low', quality.verdict === 'undecided', 'there is no verdict to be sure of');
  cap('low', pairs < pairsForModerate, `only ${plural(pairs, 'pair')} of runs`);
  cap('moderate', pairs >= pairsForModerate && pairs < pairsForHigh, `only ${plural(pairs, 'pair')} of runs`);
  cap('moderate', decidingPValue !== null && decidingPValue > pValueForHigh, 'the deciding p-value is above 0.01');
  cap('moderate', diverged > 0, `${plural(diverged, 'run')} of the two norms diverged`);
  cap('moderate', training.missing.length > 0, 'planned runs are missing');
  const { parameters } = training.model;
  cap('moderate', parameters < parametersForHigh, `the model has only ${quantity(parameters)} parameters`);
  const confidence = confidences.find((level) => caps.some(({ atMost }) => atMost === level)) ?? 'high';
  if (confidence === 'high') return { confidence, confidenceReasons: [`${plural(pairs, 'pair')} of runs agree`] };
  return {
    confidence,
    confidenceReasons: caps.filter(({ atMost }) => atMost === confidence).map(({ reason }) => reason),
  };
}
