import { expect, test } from 'vitest';
import { baseline, summarize } from './comparison.ts';
import type { RunOutcome } from './outcome.ts';

function outcome(norm: string, seed: number, loss: number | null, change: Partial<RunOutcome> = {}): RunOutcome {
  return {
    folder: `${norm}-seed${seed}`,
    norm,
    seed,
    reason: loss === null ? 'diverged' : 'finished',
    steps: 100,
    finalValidationLoss: loss,
    validationCurve: [],
    losses: new Float64Array(),
    gradNorms: new Float64Array(),
    meanGradNorm: 0.5,
    gradNormSpikeScore: null,
    lossSpikeScore: null,
    spikeSteps: [],
    tokensPerSecond: 1000,
    ...change,
  };
}

function outcomes(losses: Readonly<Record<string, readonly (number | null)[]>>): readonly RunOutcome[] {
  return Object.entries(losses).flatMap(([norm, values]) => values.map((loss, i) => outcome(norm, i + 1, loss)));
}

const seeds = [1, 2, 3];
const reference = [1.1, 1.3, 1.25];

// Quantiles of Student's t with 2 degrees of freedom have closed forms: x = (2p − 1) / √(2p(1 − p)).
const quantile = (p: number) => (2 * p - 1) / Math.sqrt(2 * p * (1 - p));
const lowerTail = (t: number) => 0.5 + t / (2 * Math.sqrt(2 + t * t));

test('a norm is compared with LayerNorm seed by seed', () => {
  const runs = outcomes({ layernorm: reference, rmsnorm: [1.0, 1.1, 1.2] });
  const [own, other] = summarize(runs, { norms: [baseline, 'rmsnorm'], seeds, margin: 0.5 }).norms;
  expect(own?.paired).toBeNull();
  expect(own?.meanFinalLoss).toBeCloseTo(3.65 / 3, 12);
  // The differences −0.1, −0.2, −0.05: mean −7/60, squares about it 7/600.
  const sd = Math.sqrt(7 / 600 / 2);
  const error = sd / Math.sqrt(3);
  expect(other?.sdFinalLoss).toBeCloseTo(0.1, 12);
  expect(other?.paired?.difference).toBeCloseTo(-7 / 60, 12);
  expect(other?.paired?.n).toBe(3);
  expect(other?.paired?.ci?.[0]).toBeCloseTo(-7 / 60 - quantile(0.975) * error, 9);
  expect(other?.paired?.ci?.[1]).toBeCloseTo(-7 / 60 + quantile(0.975) * error, 9);
  expect(other?.paired?.pValue).toBeCloseTo(2 * lowerTail(-7 / 60 / error), 9);
  expect(other?.paired?.equivalence?.pValue).toBeCloseTo(lowerTail(-(0.5 - 7 / 60) / error), 9);
  expect(other?.paired?.equivalence?.equivalent).toBe(true);
  expect(other?.paired?.smallestDetectable).toBeCloseTo((quantile(0.975) + quantile(0.8)) * error, 9);
});

test('the order in which runs come in does not matter', () => {
  const runs = outcomes({ layernorm: reference, rmsnorm: [1.0, 1.1, 1.2] });
  const plan = { norms: [baseline, 'rmsnorm'], seeds };
  expect(summarize(runs.toReversed(), plan)).toEqual(summarize(runs, plan));
});

test('a worse norm is worse, an equal one is equal within the margin', () => {
  const runs = outcomes({ layernorm: reference, dyt: [1.4, 1.62, 1.54], rmsnorm: [1.101, 1.299, 1.2505] });
  const [, worse, equal] = summarize(runs, { norms: [baseline, 'dyt', 'rmsnorm'], seeds, margin: 0.02 }).norms;
  expect(worse?.paired?.ci?.[0]).toBeGreaterThan(0);
  expect(worse?.paired?.equivalence?.equivalent).toBe(false);
  expect(equal?.paired?.equivalence?.equivalent).toBe(true);
  expect(equal?.paired?.ci?.[0]).toBeLessThan(0);
  expect(equal?.paired?.ci?.[1]).toBeGreaterThan(0);
});

test('one seed has a difference and nothing that needs a spread', () => {
  const runs = outcomes({ layernorm: [1.5], rmsnorm: [1.25] });
  const { norms } = summarize(runs, { norms: [baseline, 'rmsnorm'], seeds: [1] });
  expect(norms[1]?.sdFinalLoss).toBeNull();
  expect(norms[1]?.paired).toEqual({
    difference: -0.25,
    n: 1,
    level: 0.95,
    ci: null,
    pValue: null,
    equivalence: null,
    smallestDetectable: null,
  });
});

test('only seeds that finished with both norms are pairs', () => {
  const runs = outcomes({ layernorm: [1.1, null, 1.25], rmsnorm: [1.0, 1.0, null] });
  const { norms, missing } = summarize(runs, { norms: [baseline, 'rmsnorm'], seeds });
  expect(norms[1]).toMatchObject({ diverged: 1, meanFinalLoss: 1, paired: { n: 1 } });
  expect(norms[1]?.paired?.difference).toBeCloseTo(-0.1, 12);
  expect(norms[0]?.diverged).toBe(1);
  expect(missing).toEqual([]);
});

test('a norm whose every run diverged has no numbers, and is not missing', () => {
  const runs = outcomes({ layernorm: reference, none: [null, null, null] });
  const { norms, missing } = summarize(runs, { norms: [baseline, 'none'], seeds });
  expect(norms[1]).toMatchObject({ diverged: 3, meanFinalLoss: null, sdFinalLoss: null, paired: null });
  expect(missing).toEqual([]);
});

test('what was planned and is not there is named', () => {
  const runs = outcomes({ layernorm: [1.1, 1.2] });
  expect(summarize(runs, { norms: [baseline, 'rmsnorm'], seeds: [1, 3] }).missing).toEqual([
    'layernorm, seed 3',
    'rmsnorm, seed 1',
    'rmsnorm, seed 3',
  ]);
});
