import { type Confidence, judgeConfidence } from './answer/confidence.ts';
import { conversionSentences } from './answer/conversion.ts';
import { evidenceSentences } from './answer/evidence.ts';
import { limits } from './answer/limits.ts';
import { assessQuality, type Verdict } from './answer/quality.ts';
import { modelTimeClause, speedSentences } from './answer/speed.ts';
import type { StudyResults } from './results.ts';

/** "LayerNorm or RMSNorm?", answered from a study's results in plain words. */
export interface Answer {
  readonly headline: string;
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
  return {
    headline: headline(quality.verdict, quality.short, modelTimeClause(results.speed)),
    verdict: quality.verdict,
    ...judgeConfidence(results.training, quality),
    quality: quality.sentences,
    speed: speedSentences(results),
    conversion: conversionSentences(results),
    evidence: evidenceSentences(results),
    doesNotShow: limits(results),
  };
}

function headline(verdict: Verdict, quality: string, time: string | null): string {
  const lead: Record<Verdict, string> = {
    equal: 'Either, for quality.',
    'layernorm-better': 'LayerNorm, for quality.',
    'rmsnorm-better': 'RMSNorm, for quality.',
    undecided: 'Undecided.',
    'not-measured': 'Not measured.',
  };
  return [lead[verdict], quality, time].filter((sentence) => sentence !== null).join(' ');
}
