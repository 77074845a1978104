import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answer } from './answer.ts';
import { type SyntheticOptions, syntheticResults, without } from './results.fixture.ts';
import { parseResults } from './results.ts';

function fail(): never {
  throw new Error('the fixture is complete');
}

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
    const { speed } = answer(results);
    expect(speed.join(' ')).toContain('RMSNorm in place of LayerNorm saves 1.0% in GPT-3 Small (95% CI 0.5% to 1.4%)');
    expect(speed.join(' ')).toContain('In GPT-3 Large and GPT-3 XL no difference');
  });

  /** The headline's clause on time where the sizes have these intervals around their middle. */
  function clause(...intervals: readonly (readonly [number, number])[]): string {
    const { speed } = results;
    const [share] = speed?.shares ?? [];
    const shares = intervals.map((ci, i) => ({
      ...(share ?? fail()),
      size: `size ${i}`,
      norms: [{ norm: 'rmsnorm', milliseconds: 1, relativeToLayerNorm: (ci[0] + ci[1]) / 2, ci }],
    }));
    return answer({ ...results, speed: speed && { ...speed, shares } }).headline.replace(/^.*(?=On this machine)/, '');
  }

  it('speak of time in the headline only where most sizes agree and none contradicts', () => {
    const [less, more, open] = [[0.98, 0.99] as const, [1.005, 1.017] as const, [0.99, 1.004] as const];
    expect(clause(less, less, less)).toBe('On this machine a whole model takes 1.5% less time with RMSNorm.');
    expect(clause(less, less, [0.95, 0.97], open)).toContain('1.5% to 4.0% less time with RMSNorm at 3 of the 4 sizes');
    const immaterial = 'no difference in the time of a whole model that would matter was measured';
    expect(clause(more, open, open, open)).toContain(`${immaterial} (between 1.0% less and 1.7% more).`);
    expect(clause(less, less, open, open)).toContain(immaterial);
    expect(clause(less, less, less, more)).toContain(immaterial);
  });

  it('do not call a time immaterial where an interval reaches far', () => {
    expect(clause([0.8, 1.1], [0.99, 1.01])).toContain('was established (between 20.0% less and 10.0% more)');
    expect(clause([0.7, 0.8], [1.1, 1.2])).toContain('some model sizes faster and others slower (between 30.0% less');
    expect(clause([1.2, 1.3], [0.99, 1.01])).not.toContain('matter');
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

  it('say what other norms did, and that their intervals are not widened', () => {
    const words = answer(results).quality.join(' ');
    expect(words).toContain(
      'higher with LayerNorm without parameters (+0.0210) and DyT (+0.0340); not shown to be either with CRMSNorm (nats per byte',
    );
    expect(words).toContain('Each of these 3 intervals stands for itself (95%');
    const better = syntheticResults({ moreNorms: ['none', 'scalenorm', 'prmsnorm', 'layernorm1p', 'rmsnorm-bias'] });
    const [lower = ''] = /lower with [^;]*;/.exec(answer(better).quality.join(' ')) ?? [];
    const expected = better.training?.norms.slice(2).filter(({ paired }) => (paired?.ci?.[1] ?? 0) < 0) ?? [];
    expect(expected.length).toBeGreaterThan(0);
    for (const { name } of better.training?.norms.slice(2) ?? []) {
      expect(lower.includes(`${name} (`), name).toBe(expected.some((norm) => norm.name === name));
    }
  });

  it('say nothing of other norms from one pair, and count those that diverged', () => {
    expect(answerTo({ seeds: 1 }).quality.join(' ')).not.toContain('other norms');
    const { training } = results;
    const norms = training?.norms.map((norm) =>
      norm.id === 'dyt' ? { ...norm, paired: null, runs: norm.runs.map((run) => ({ ...run, diverged: true })) } : norm,
    );
    const words = answer({ ...results, training: training && { ...training, norms: norms ?? [] } }).quality.join(' ');
    expect(words).toContain('Diverged among the other norms: 5 of 5 runs with DyT.');
    expect(words).not.toContain('DyT (+');
  });

  it('hold the answer, how sure it is and what it does not show in the first paragraph', () => {
    expect(answer(results).summary).toBe(
      "Quality gives no reason here to prefer one of the two norms. Confidence: moderate, because the model has only 0.88 million parameters. It does not show what other model sizes than 0.88 million parameters, other data than “a synthetic corpus”, other learning rates than 0.002 and other kernels than this machine's would give.",
    );
    const summaries = [
      { difference: 0.0012 },
      { difference: 0.021 },
      { difference: -0.021 },
      { difference: 0.006, halfWidth: 0.02 },
    ].map((options) => answerTo(options).summary.split('.')[0]);
    expect(new Set(summaries).size).toBe(4);
    expect(answer(without(results, 'speed')).summary).toContain('It does not show what either norm costs in time, or');
    expect(answer(without(results, 'training')).summary).toContain('It does not show which norm trains to the lower');
    expect(answer(without(results, 'training', 'speed')).summary).toMatch(
      /lower loss, or what either norm costs in time\.$/,
    );
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
