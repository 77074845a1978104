import { fixed, plural } from '../format.ts';
import type { StudyResults } from '../results.ts';

/** What the model reports say, counted. */
export function evidenceSentences(results: StudyResults): readonly string[] {
  const { evidence } = results;
  if (!evidence) return [`The literature was not consulted: ${results.notMeasured.evidence ?? 'no reason was given'}.`];
  const { models, layerNorm, rmsNorm, reportsRead, statedReason, ablation, ...comparisons } = evidence.summary;
  const { comparisonsWithNumbers, comparisonsAtOneBillion } = comparisons;
  return [
    `Of the ${plural(models, 'model')} in the evidence base, ${fixed(rmsNorm, 0)} use RMSNorm and ${fixed(layerNorm, 0)} LayerNorm.`,
    `Of the ${plural(reportsRead, 'report')} read for it, ${fixed(statedReason, 0)} give a reason for the kind of norm and ${fixed(ablation, 0)} describe a comparison of kinds.`,
    `${comparisonsWithNumbers === 0 ? 'No' : fixed(comparisonsWithNumbers, 0)} published ${comparisonsWithNumbers === 1 ? 'comparison' : 'comparisons'} of the two with numbers ${comparisonsWithNumbers === 1 ? 'was' : 'were'} found, ${comparisonsAtOneBillion === 0 ? 'none of them' : fixed(comparisonsAtOneBillion, 0)} at 1 billion parameters or more with LayerNorm's weight and bias kept.`,
  ];
}
