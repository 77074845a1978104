import { enumeration, percent, scientific } from '../format.ts';
import { catalogueName } from '../names.ts';
import type { ConversionResult, StudyResults } from '../results.ts';

/** What the conversions show, one sentence per source and verdict, and what follows from them. */
export function conversionSentences(results: StudyResults): readonly string[] {
  const { conversions } = results;
  if (!conversions) return [`No model was converted: ${results.notMeasured.conversions ?? 'no reason was given'}.`];
  if (conversions.length === 0) return ['No model was converted.'];
  const failed = conversions.filter(({ certificate }) => !certificate.passed);
  const passed = conversions.filter(({ certificate }) => certificate.passed);
  return [
    ...(passed.length > 0 ? [passedSentence(passed, conversions.length), ...storedSentences(passed)] : []),
    ...(failed.length > 0
      ? [
          `The certificate FAILED for ${enumeration(failed.map((conversion) => `${conversion.source}, rewritten for ${catalogueName(conversion.target)} in ${conversion.dtype} (largest logit difference ${scientific(conversion.certificate.algebra.maxAbsLogit)} in float64, ${scientific(conversion.certificate.stored.maxAbsLogit)} as stored)`))}: don't use ${failed.length === 1 ? 'that model' : 'those models'}.`,
        ]
      : [
          'For a trained Pre-LN model the choice can therefore be made afterwards: the conversion changes how the function is computed, not the function.',
        ]),
  ];
}

function passedSentence(passed: readonly ConversionResult[], count: number): string {
  return `${passed.length} of ${count} conversions passed their certificate: in float64 no logit of the converted model differs from its source by more than ${scientific(largest(passed, 'algebra'))}.`;
}

/** What rounding to each element type adds, and how much of that the source would see from the same rounding. */
function storedSentences(passed: readonly ConversionResult[]): readonly string[] {
  return [...new Set(passed.map(({ dtype }) => dtype))].map((dtype) => {
    const own = passed.filter((conversion) => conversion.dtype === dtype);
    return `Stored as ${dtype} and run in the float32 engine they differ by up to ${scientific(largest(own, 'run'))}, where rounding the source's weights alone does ${scientific(largest(own, 'floor'))}; the most likely token is the same at ${leastAgreement(own)}.`;
  });
}

function largest(conversions: readonly ConversionResult[], figure: 'algebra' | 'stored' | 'run' | 'floor'): number {
  return Math.max(...conversions.map(({ certificate }) => certificate[figure].maxAbsLogit));
}

/** Rounded down, so that no position is lost in the rounding. */
function leastAgreement(conversions: readonly ConversionResult[]): string {
  const least = Math.min(...conversions.map(({ certificate }) => certificate.run.top1Agreement));
  return least === 1 ? 'every position' : `${percent(Math.floor(least * 1e4) / 1e4, 2)} of positions or more`;
}
