import { fixed } from '../format.ts';
import type { StudyResults } from '../results.ts';

/** What the model reports say, counted. */
export function evidenceSentences(results: StudyResults): readonly string[] {
  const { evidence } = results;
  if (!evidence) return [`The literature was not consulted: ${results.notMeasured.evidence ?? 'no reason was given'}.`];
  const { summary } = evidence;
  const found = summary.comparisonsWithNumbers;
  const large = summary.comparisonsAtOneBillion;
  return [
    `Of the ${counted(summary.models, 'model')} in the evidence base, ${counted(summary.rmsNorm, '', 'uses', 'use')} RMSNorm and ${fixed(summary.layerNorm, 0)} LayerNorm.`,
    `Of the ${counted(summary.reportsRead, 'report')} read for it, ${counted(summary.statedReason, '', 'gives', 'give')} a reason for the kind of norm and ${counted(summary.ablation, '', 'describes', 'describe')} a comparison of kinds.`,
    found === 0
      ? 'No published comparison of the two with numbers was found.'
      : `${counted(found, 'published comparison')} of the two with numbers ${found === 1 ? 'was' : 'were'} found, ${large === 0 ? 'none' : fixed(large, 0)} at 1 billion parameters or more with LayerNorm's weight and bias kept.`,
  ];
}

/** `1 model`, `2 models`; `1 gives`, `2 give`. */
function counted(n: number, noun: string, singular = noun, plural = `${noun}s`): string {
  return `${fixed(n, 0)} ${n === 1 ? singular : plural}`;
}
