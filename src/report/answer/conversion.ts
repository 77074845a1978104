import { percent, scientific } from '../format.ts';
import type { ConversionResult, StudyResults } from '../results.ts';

export const normNames: Readonly<Record<ConversionResult['target'], string>> = {
  rmsnorm: 'RMSNorm',
  crmsnorm: 'CRMSNorm',
};

/** What the conversions show, one sentence each, and what follows from them. */
export function conversionSentences(results: StudyResults): readonly string[] {
  const { conversions } = results;
  if (!conversions) return [`No model was converted: ${results.notMeasured.conversions ?? 'no reason was given'}.`];
  if (conversions.length === 0) return ['No model was converted.'];
  const failed = conversions.filter(({ certificate }) => !certificate.passed);
  return [
    ...conversions.map(conversionSentence),
    failed.length === 0
      ? 'For a trained Pre-LN model the choice can therefore be made afterwards: the conversion changes how the function is computed, not the function.'
      : `${failed.length} of ${conversions.length} certificates failed, so the switch is not free for ${failed.length === 1 ? 'that model' : 'those models'} as converted here.`,
  ];
}

function conversionSentence(conversion: ConversionResult): string {
  const { algebra, stored, run, floor, passed } = conversion.certificate;
  const what = `${conversion.source}, rewritten for ${normNames[conversion.target]} in ${conversion.dtype}`;
  const figures = `largest logit difference ${scientific(algebra.maxAbsLogit)} in float64, ${scientific(stored.maxAbsLogit)} with the weights as stored (rounding floor ${scientific(floor.maxAbsLogit)}), ${scientific(run.maxAbsLogit)} in the float32 engine; the same top token at ${percent(run.top1Agreement, 2)} of positions`;
  return passed
    ? `The certificate passed for ${what}: ${figures}.`
    : `The certificate FAILED for ${what}, which must not be used: ${figures}.`;
}
