import { type Confidence, judgeConfidence } from './answer/confidence.ts';
import { conversionSentences } from './answer/conversion.ts';
import { evidenceSentences } from './answer/evidence.ts';
import { limits, limitsInShort } from './answer/limits.ts';
import { answerForModel, type ModelAnswer } from './answer/model.ts';
import { otherNormSentences } from './answer/others.ts';
import { assessQuality, type Verdict } from './answer/quality.ts';
import { modelTimeClause, speedSentences } from './answer/speed.ts';
import { enumeration } from './format.ts';
import type { StudyResults } from './results.ts';

/** "LayerNorm or RMSNorm?", answered from a study's results in plain words. */
export interface Answer {
  readonly headline: string;
  /** The answer as advice, how sure it is, and what it does not show. */
  readonly summary: string;
  /** Null where the study was not asked about a model. */
  readonly model: ModelAnswer | null;
  readonly verdict: Verdict;
  readonly confidence: Confidence;
  /** What the confidence follows from; see `judgeConfidence`. */
  readonly confidenceReasons: readonly string[];
  readonly quality: readonly string[];
  readonly speed: readonly string[];
  readonly conversion: readonly string[];
  readonly evidence: readonly string[];
  readonly doesNotShow: readonly string[];
}

/** Answers from the results alone: the same results give the same words. */
export function answer(results: StudyResults): Answer {
  const quality = assessQuality(results);
  const judged = judgeConfidence(results.training, quality);
  const model = results.model === null ? null : answerForModel(results.model);
  const time = modelTimeClause(results.speed);
  // A study of one model alone says nothing of models in general, not even that it measured nothing there.
  const isGeneral = model === null || quality.verdict !== 'not-measured' || time !== null;
  const general = isGeneral ? headline(quality.verdict, quality.short, time) : null;
  const inGeneral = model === null ? '' : 'For models in general: ';
  return {
    headline: [...(model === null ? [] : [model.headline]), ...(general === null ? [] : [inGeneral + general])].join(
      ' ',
    ),
    summary: [
      ...(model === null ? [] : [judgedAdvice(model.advice, model)]),
      ...(isGeneral ? [judgedAdvice(inGeneral + advice[quality.verdict], judged)] : []),
      limitsInShort(results),
    ].join(' '),
    model,
    verdict: quality.verdict,
    ...judged,
    quality: [...quality.sentences, ...otherNormSentences(results.training)],
    speed: speedSentences(results),
    conversion: conversionSentences(results),
    evidence: evidenceSentences(results),
    doesNotShow: limits(results),
  };
}

function judgedAdvice(
  text: string,
  { confidence, confidenceReasons }: Pick<Answer, 'confidence' | 'confidenceReasons'>,
) {
  return `${text} Confidence: ${confidence}, because ${enumeration(confidenceReasons)}.`;
}

const lead: Readonly<Record<Verdict, string>> = {
  equal: 'Either, for quality.',
  'layernorm-better': 'LayerNorm, for quality.',
  'rmsnorm-better': 'RMSNorm, for quality.',
  undecided: 'Undecided.',
  'not-measured': 'Not measured.',
};

const advice: Readonly<Record<Verdict, string>> = {
  equal: 'Quality gives no reason here to prefer one of the two norms.',
  'layernorm-better': 'On this evidence LayerNorm is the one to train with.',
  'rmsnorm-better': 'On this evidence RMSNorm is the one to train with.',
  undecided: 'These runs neither favour one of the two norms nor show them to be equal.',
  'not-measured': 'This study does not tell which of the two norms to train with.',
};

function headline(verdict: Verdict, quality: string, time: string | null): string {
  return [lead[verdict], quality, time].filter((sentence) => sentence !== null).join(' ');
}
