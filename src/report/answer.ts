import { type Confidence, judgeConfidence } from './answer/confidence.ts';
import { conversionSentences } from './answer/conversion.ts';
import { evidenceSentences } from './answer/evidence.ts';
import { limits, limitsInShort } from './answer/limits.ts';
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
  return {
    headline: headline(quality.verdict, quality.short, modelTimeClause(results.speed)),
    summary: [
      advice[quality.verdict],
      `Confidence: ${judged.confidence}, because ${enumeration(judged.confidenceReasons)}.`,
      limitsInShort(results),
    ].join(' '),
    verdict: quality.verdict,
    ...judged,
    quality: [...quality.sentences, ...otherNormSentences(results.training)],
    speed: speedSentences(results),
    conversion: conversionSentences(results),
    evidence: evidenceSentences(results),
    doesNotShow: limits(results),
  };
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
