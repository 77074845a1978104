import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../core/random.ts';
import { createSampler, type SamplingOptions } from './sampler.ts';

const logitsOf = (...values: readonly number[]) => Float32Array.from(values);

/** How often each id is drawn. */
function frequencies(logits: Float32Array, options: SamplingOptions, draws = 20_000): readonly number[] {
  const sample = createSampler(options, createRandom('sampler test'));
  const counts = Array.from(logits, () => 0);
  for (let i = 0; i < draws; i++) {
    const { id } = sample(logits);
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts.map((count) => count / draws);
}

/** Logits of these probabilities, but for a constant. */
const logitsFor = (...probabilities: readonly number[]) => Float32Array.from(probabilities, (p) => Math.log(p) + 7);

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  // Four standard deviations of a frequency of 20,000 draws.
  for (const [i, value] of actual.entries()) {
    const p = expected[i] ?? 0;
    expect(Math.abs(value - p)).toBeLessThanOrEqual(4 * Math.sqrt((p * (1 - p)) / 20_000));
  }
}

describe('greedy', () => {
  test('takes the largest logit, of equal ones the smallest id, and draws no random number', () => {
    const random = createRandom(1);
    const sample = createSampler({}, random);
    expect(sample(logitsOf(1, 3, 3, -5)).id).toBe(1);
    expect(sample(logitsOf(Number.NEGATIVE_INFINITY, -1e30)).id).toBe(1);
    expect(random.state().drawn).toBe(0);
  });

  test('log probabilities are those of the softmax', () => {
    const { logProbability } = createSampler({}, createRandom(1))(logitsFor(0.5, 0.2, 0.3));
    expect(logProbability).toBeCloseTo(Math.log(0.5), 6);
    expect(createSampler({}, createRandom(1))(logitsOf(1e30, 0)).logProbability).toBe(0);
  });
});

describe('drawing', () => {
  const logits = logitsFor(0.1, 0.4, 0.2, 0.25, 0.05);

  test('temperature 1: the probabilities themselves', () => {
    expectClose(frequencies(logits, { temperature: 1 }), [0.1, 0.4, 0.2, 0.25, 0.05]);
  });

  test('temperature 1/2: their squares', () => {
    const squares = [0.01, 0.16, 0.04, 0.0625, 0.0025];
    const sum = squares.reduce((a, b) => a + b);
    expectClose(
      frequencies(logits, { temperature: 0.5 }),
      squares.map((square) => square / sum),
    );
  });

  test('top k: the k likeliest', () => {
    expectClose(frequencies(logits, { temperature: 1, topK: 2 }), [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]);
    expectClose(frequencies(logits, { temperature: 1, topK: 9 }), [0.1, 0.4, 0.2, 0.25, 0.05]);
  });

  test('top p: the fewest likeliest that reach p', () => {
    expectClose(frequencies(logits, { temperature: 1, topP: 0.64 }), [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]);
    expectClose(frequencies(logits, { temperature: 1, topP: 0.66 }), [0, 0.4 / 0.85, 0.2 / 0.85, 0.25 / 0.85, 0]);
    expectClose(frequencies(logits, { temperature: 1, topP: 1e-9 }), [0, 1, 0, 0, 0]);
  });

  test('temperature before top p: a hot distribution keeps more tokens', () => {
    expect(frequencies(logits, { temperature: 1, topP: 0.39 }, 200).filter((f) => f > 0)).toHaveLength(1);
    expect(frequencies(logits, { temperature: 100, topP: 0.39 }, 200).filter((f) => f > 0)).toHaveLength(2);
  });

  test('top k before top p: p is a share of what the k have', () => {
    // 0.4 / 0.65 = 0.615 reaches 0.6 alone.
    expectClose(frequencies(logits, { temperature: 1, topK: 2, topP: 0.6 }), [0, 1, 0, 0, 0]);
  });

  test('of equal logits the smaller ids are kept', () => {
    const equal = logitsOf(2, 2, 2, 2);
    expectClose(frequencies(equal, { temperature: 1, topK: 2 }), [0.5, 0.5, 0, 0]);
    expectClose(frequencies(equal, { temperature: 1, topP: 0.7 }), [1 / 3, 1 / 3, 1 / 3, 0]);
  });

  test('one number of the stream for each token; the same seed gives the same tokens', () => {
    const ids = (seed: number) => {
      const sample = createSampler({ temperature: 1 }, createRandom(seed));
      return Array.from({ length: 50 }, () => sample(logits).id);
    };
    expect(ids(1)).toEqual(ids(1));
    expect(ids(1)).not.toEqual(ids(2));
  });

  test('what is drawn is always within the limits, and what has no probability never', () => {
    const number = fc.oneof(
      fc.double({ min: -50, max: 50, noNaN: true }),
      fc.constantFrom(-1e30, 1e30, Number.NEGATIVE_INFINITY, 0),
    );
    fc.assert(
      fc.property(
        fc.array(number, { minLength: 1, maxLength: 40 }).filter((a) => a.some((v) => v > Number.NEGATIVE_INFINITY)),
        fc.double({ min: 0.01, max: 10, noNaN: true }),
        fc.integer({ min: 1, max: 45 }),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        fc.integer(),
        (values, temperature, topK, topP, seed) => {
          const logits = Float32Array.from(values);
          const { id, logProbability } = createSampler({ temperature, topK, topP }, createRandom(seed))(logits);
          const chosen = logits[id] ?? Number.NaN;
          expect(chosen).toBeGreaterThan(Number.NEGATIVE_INFINITY);
          expect(logits.filter((logit) => logit > chosen).length).toBeLessThan(topK);
          expect(logProbability).toBeLessThanOrEqual(1e-9);
        },
      ),
    );
  });
});

describe('is refused', () => {
  test.each<[SamplingOptions, string]>([
    [{ temperature: -1 }, 'the temperature is -1'],
    [{ temperature: Number.NaN }, 'the temperature is NaN'],
    [{ topK: 0 }, 'top k is 0'],
    [{ topK: 1.5 }, 'top k is 1.5'],
    [{ topP: 0 }, 'top p is 0'],
    [{ topP: 1.1 }, 'top p is 1.1'],
  ])('%o', (options, message) => {
    expect(() => createSampler(options, createRandom(1))).toThrow(message);
  });

  test.each([0, 1])('logits that are no distribution, at temperature %d', (temperature) => {
    const sample = createSampler({ temperature }, createRandom(1));
    expect(() => sample(logitsOf(1, Number.NaN, 2))).toThrow('the logit of id 1 is NaN');
    expect(() => sample(logitsOf(1, Number.POSITIVE_INFINITY))).toThrow('the logit of id 1 is infinite');
    expect(() => sample(logitsOf(Number.NEGATIVE_INFINITY))).toThrow('all logits are −∞');
    expect(() => sample(logitsOf(Number.NaN))).toThrow('NaN');
  });
});
