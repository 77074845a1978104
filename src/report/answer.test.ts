import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answer } from './answer.ts';
import { type SyntheticOptions, syntheticResults, without } from './results.fixture.ts';
import { parseResults } from './results.ts';

function answerTo(options: SyntheticOptions) {
  return answer(parseResults(syntheticResults({ parameters: 25e6, ...options })));
}

describe('the verdict', () => {
  const equal = answerTo({ difference: 0.0012, halfWidth: 0.0033 });
  const layerNorm = answerTo({ difference: 0.021, halfWidth: 0.004 });
  const rmsNorm = answerTo({ difference: -0.021, halfWidth: 0.004 });
  const undecided = answerTo({ difference: 0.006, halfWidth: 0.02 });

  it('differs between equal, better, worse and undecided, and so do the words', () => {
    expect([equal, layerNorm, rmsNorm, undecided].map(({ verdict }) => verdict)).toEqual([
      'equal',
      'layernorm-better',
      'rmsnorm-better',
      'undecided',
    ]);
    expect(new Set([equal, layerNorm, rmsNorm, undecided].map(({ headline }) => headline)).size).toBe(4);
    expect(new Set([equal, layerNorm, rmsNorm, undecided].map(({ quality }) => quality.join())).size).toBe(4);
  });

  it('names the winner and how large the difference is', () => {
    expect(layerNorm.headline).toMatch(/^LayerNorm, for quality\. LayerNorm ends 0\.0210 nats per byte lower/);
    expect(rmsNorm.headline).toMatch(/^RMSNorm, for quality\. RMSNorm ends 0\.0210 nats per byte lower/);
    expect(rmsNorm.quality.join(' ')).toContain('−0.0210 nats per byte (95% CI −0.0250 to −0.0170; 5 pairs');
  });

  it('names the smallest difference that the seeds would have shown where it is undecided', () => {
    expect(undecided.quality.join(' ')).toContain('difference of 0.0280 nats per byte or more; a smaller one can hide');
    expect(undecided.confidence).toBe('low');
  });

  it('is equal, with a word on it, where a difference inside the margin is significant', () => {
    const both = answerTo({ difference: -0.004, halfWidth: 0.002 });
    expect(both.verdict).toBe('equal');
    expect(both.quality.join(' ')).toContain('so RMSNorm is ahead by a difference that is detectable and smaller');
    expect(equal.quality.join(' ')).not.toContain('detectable');
  });

  it('is better, not equal, where the interval excludes zero and reaches past the margin', () => {
    expect(answerTo({ difference: 0.009, halfWidth: 0.004 }).verdict).toBe('layernorm-better');
  });

  it('is undecided with one seed, and says what to do', () => {
    const one = answerTo({ seeds: 1 });
    expect(one).toMatchObject({ verdict: 'undecided', confidence: 'low' });
    expect(one.quality.join(' ')).toContain('Run three seeds or more');
  });

  it('is undecided where some runs of one norm diverged, whatever the runs that are left say', () => {
    const some = answerTo({ diverged: { rmsnorm: 2 }, difference: -0.02 });
    expect(some.verdict).toBe('undecided');
    expect(some.headline).toContain('2 of 5 RMSNorm runs diverged, against none of 5 with LayerNorm');
  });

  it('is for the norm that trains where every run of the other diverged', () => {
    expect(answerTo({ diverged: { rmsnorm: 5 } })).toMatchObject({
      verdict: 'layernorm-better',
      confidence: 'moderate',
    });
    expect(answerTo({ diverged: { layernorm: 5 } })).toMatchObject({
      verdict: 'rmsnorm-better',
      confidence: 'moderate',
    });
    expect(answerTo({ diverged: { rmsnorm: 2 }, seeds: 2 })).toMatchObject({
      verdict: 'layernorm-better',
      confidence: 'low',
    });
    expect(answerTo({ diverged: { rmsnorm: 1 }, seeds: 1 }).verdict).toBe('undecided');
    expect(answerTo({ diverged: { rmsnorm: 5, layernorm: 5 } }).verdict).toBe('undecided');
  });

  it('is not measured without training or without one of the two norms', () => {
    const results = syntheticResults();
    const { training } = results;
    expect(answer(without(results, 'training'))).toMatchObject({ verdict: 'not-measured', confidence: 'low' });
    const norms = training?.norms.filter(({ id }) => id !== 'rmsnorm') ?? [];
    expect(answer({ ...results, training: training && { ...training, norms } }).verdict).toBe('not-measured');
  });

  it('follows the interval and the equivalence test for any difference', () => {
    const options = fc.record({
      difference: fc.double({ min: -0.05, max: 0.05, noNaN: true }),
      halfWidth: fc.double({ min: 0.0001, max: 0.05, noNaN: true }),
      seeds: fc.integer({ min: 2, max: 7 }),
    });
    fc.assert(
      fc.property(options, ({ difference, halfWidth, seeds }) => {
        const { verdict, confidence } = answerTo({ difference, halfWidth, seeds });
        const inside = Math.abs(difference) + halfWidth < 0.01;
        const apart = Math.abs(difference) > halfWidth;
        expect(verdict === 'equal').toBe(inside);
        expect(verdict === 'undecided').toBe(!inside && !apart);
        expect(verdict === 'rmsnorm-better').toBe(!inside && apart && difference < 0);
        if (seeds < 3 || verdict === 'undecided') expect(confidence).toBe('low');
        else expect(confidence).toBe(seeds < 5 ? 'moderate' : 'high');
      }),
      { numRuns: 60 },
    );
  });
});

describe('the confidence', () => {
  it('is capped by each rule, with the reason', () => {
    expect(answerTo({}).confidence).toBe('high');
    expect(answerTo({ parameters: 880_000 })).toMatchObject({
      confidence: 'moderate',
      confidenceReasons: ['the model has only 0.88 million parameters'],
    });
    expect(answerTo({ seeds: 4 }).confidenceReasons).toEqual(['only 4 pairs of runs']);
    expect(answerTo({ diverged: { rmsnorm: 1, layernorm: 1 }, seeds: 6 }).confidenceReasons).toEqual([
      '2 runs of the two norms diverged',
    ]);
    const results = syntheticResults({ parameters: 25e6 });
    const training = results.training && { ...results.training, missing: ['DyT, seed 4'] };
    expect(answer({ ...results, training })).toMatchObject({
      confidence: 'moderate',
      confidenceReasons: ['planned runs are missing'],
    });
  });
});

describe('the other parts', () => {
  const results = syntheticResults();

  it('say why they are missing', () => {
    const bare = answer(without(results, 'speed', 'conversions', 'evidence'));
    expect(bare.speed).toEqual(['Speed was not measured: speed was switched off.']);
    expect(bare.conversion.join()).toContain('conversions was switched off');
    expect(bare.evidence.join()).toContain('evidence was switched off');
    expect(bare.headline).not.toContain('machine');
    expect(bare.doesNotShow.at(-1)).toContain('Left out of this study: speed (speed was switched off), conversions');
  });

  it('say which sizes RMSNorm speeds up, and by how much', () => {
    const { headline, speed } = answer(results);
    expect(headline).toContain('0.6% to 1.0% less time with RMSNorm at 2 of the 4 sizes measured');
    expect(speed.join(' ')).toContain('RMSNorm in place of LayerNorm saves 1.0% in GPT-3 Small (95% CI 0.5% to 1.4%)');
    expect(speed.join(' ')).toContain('In GPT-3 Large and GPT-3 XL no difference');
  });

  it('say that RMSNorm is slower where it is', () => {
    const shares = (results.speed?.shares ?? []).map((share) => ({
      ...share,
      norms: share.norms.map((norm) =>
        norm.norm === 'rmsnorm' ? { ...norm, relativeToLayerNorm: 1.03, ci: [1.02, 1.04] as const } : norm,
      ),
    }));
    const slower = answer({ ...results, speed: results.speed && { ...results.speed, shares } });
    expect(slower.headline).toContain('takes 3.0% more time with RMSNorm.');
    expect(slower.speed.join(' ')).toContain('costs 3.0% in GPT-3 Small (95% CI 2.0% to 4.0%)');
  });

  it('do not call a failed conversion free', () => {
    const conversions = (results.conversions ?? []).map((conversion, i) => ({
      ...conversion,
      certificate: { ...conversion.certificate, passed: i === 0 },
    }));
    const words = answer({ ...results, conversions }).conversion.join(' ');
    expect(words).toContain('1 of 2 conversions passed');
    expect(words).toContain('FAILED');
    expect(words).not.toContain('can therefore be made afterwards');
    expect(answer(results).conversion.join(' ')).toContain('can therefore be made afterwards');
  });

  it('name the limits of what was trained', () => {
    const limits = answer(results).doesNotShow.join('\n');
    for (const words of [
      '0.88 million parameters; nothing here was trained at 1 billion',
      '5 seeds',
      'learning rate (0.002)',
      'Synthetic CPU 9000',
    ]) {
      expect(limits).toContain(words);
    }
  });
});
