import { describe, expect, test } from 'vitest';
import { createRandom, type Random } from '../random.ts';
import { ratioOfMedians, ratioOfPairs } from './index.ts';

/** Timings of two kernels, one 1.5 times as slow, on a machine whose speed drifts by a factor of 4. */
function driftingTimings(random: Random, pairs: number): { slow: number[]; fast: number[] } {
  const drift = Array.from({ length: pairs }, () => 4 ** random.uniform());
  const noise = () => Math.exp(0.05 * random.normal());
  return { slow: drift.map((x) => 1.5 * x * noise()), fast: drift.map((x) => x * noise()) };
}

describe('ratioOfPairs', () => {
  test('sees through a drift that hides the difference of medians', () => {
    const { slow, fast } = driftingTimings(createRandom('drift'), 60);
    const options = { random: createRandom(1) };
    const paired = ratioOfPairs(slow, fast, options);
    const unpaired = ratioOfMedians(slow, fast, options);
    expect(paired.ratio).toBeCloseTo(1.5, 1);
    expect(paired.ci.high - paired.ci.low).toBeLessThan(0.1);
    expect(unpaired.ci.high - unpaired.ci.low).toBeGreaterThan(0.3);
  });

  test('has an interval that holds the truth about as often as promised', () => {
    const trials = 200;
    let held = 0;
    for (let trial = 0; trial < trials; trial++) {
      const random = createRandom(`coverage ${trial}`);
      const { slow, fast } = driftingTimings(random, 30);
      const { ci } = ratioOfPairs(slow, fast, { random, confidence: 0.9, resamples: 300 });
      if (ci.low <= 1.5 && 1.5 <= ci.high) held++;
    }
    expect(held / trials).toBeGreaterThan(0.83);
    expect(held / trials).toBeLessThan(0.97);
  });

  test('turns over with its arguments', () => {
    const { slow, fast } = driftingTimings(createRandom('turn'), 15);
    const there = ratioOfPairs(slow, fast, { random: createRandom(1) });
    const back = ratioOfPairs(fast, slow, { random: createRandom(1) });
    expect(there.ratio * back.ratio).toBeCloseTo(1, 12);
    expect(there.ci.low * back.ci.high).toBeCloseTo(1, 12);
  });

  test('is the same for the same stream, wherever that stands', () => {
    const { slow, fast } = driftingTimings(createRandom('same'), 15);
    const random = createRandom(1);
    const first = ratioOfPairs(slow, fast, { random });
    random.nextUint32();
    expect(ratioOfPairs(slow, fast, { random })).toEqual(first);
  });
});

test('ratioOfMedians is that, and exact when nothing varies', () => {
  expect(ratioOfMedians([6, 6, 6], [2, 2], { random: createRandom(1) })).toEqual({
    ratio: 3,
    ci: { low: 3, high: 3 },
    n: 2,
  });
});

test('ratios of what is no measurement are refused', () => {
  const options = { random: createRandom(1) };
  expect(() => ratioOfPairs([1, 2], [1], options)).toThrow(RangeError);
  expect(() => ratioOfPairs([1], [1], options)).toThrow('a ratio needs at least 2 values, got 1');
  expect(() => ratioOfPairs([1, 2], [1, 0], options)).toThrow('a ratio needs values above zero, value 1 is 0');
  expect(() => ratioOfMedians([1, Number.NaN], [1, 1], options)).toThrow('value 1 is NaN');
  expect(() => ratioOfMedians([1, 2], [1, 1], { ...options, confidence: 95 })).toThrow(RangeError);
});
