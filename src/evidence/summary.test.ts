import { describe, expect, test } from 'vitest';
import { evidenceBase, evidenceSummary } from './index.ts';

const summary = evidenceSummary();

describe('evidenceSummary', () => {
  test('counts every record once', () => {
    const { models, papers } = evidenceBase();
    expect(summary.models).toBe(models.length);
    expect(summary.papers).toBe(papers.length);
    const total = (counts: readonly { readonly count: number }[]) => counts.reduce((sum, { count }) => sum + count, 0);
    expect(total(summary.modelsByNorm)).toBe(models.length);
    expect(total(summary.modelsByConfidence)).toBe(models.length);
    expect(summary.modelsByNorm.every(({ count }) => count > 0)).toBe(true);
  });

  test('of the eight lines, counted by hand', () => {
    // A reason: Llama, OLMo, OLMoE, OLMo 2, Qwen, DeepSeek LLM, Gemma. Llama's is for the placement. A plot: OLMoE.
    expect(summary.headline).toEqual({
      lines: 8,
      reasons: { reportsRead: 8, statingAReason: 7, aboutTheKind: 6, backedByData: 1 },
      ablations: { any: 2, ofKind: 0, ofKindWithNumbers: 0 },
    });
  });

  test('over all models one report compares the kinds, without numbers', () => {
    expect(summary.ablations).toEqual({ any: 3, ofKind: 1, ofKindWithNumbers: 0 });
    expect(summary.reasons.statingAReason).toBeLessThan(summary.reasons.reportsRead);
    expect(summary.reasons.backedByData).toBeLessThan(summary.reasons.aboutTheKind);
  });

  test('the largest comparison with numbers is at 223M; a recalled one doesn’t count', () => {
    expect(summary.largestKindComparison).toMatchObject({ claim: 'narang2021/table1-rms', parameters: 223e6 });
    expect(summary.largestKindComparisonIncludingRecalled).toMatchObject({ parameters: 385e6, confidence: 'recalled' });
    expect(summary.kindComparisons.map(({ parameters }) => parameters)).toEqual([223e6, 150e6]);
    expect(summary.kindComparisonsAtOneBillion).toBe(0);
  });

  test('a reason has grounds', () => {
    const grounds = Object.fromEntries(summary.reasonsByGround.map(({ of, count }) => [of, count]));
    expect(grounds.stability).toBeGreaterThanOrEqual(4);
    expect(grounds['better-quality']).toBe(1);
  });
});
