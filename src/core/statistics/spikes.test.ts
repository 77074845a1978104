import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { mean, spikeScore, standardDeviation } from './index.ts';

function noise(length: number, seed = 'noise'): Float64Array {
  const random = createRandom(seed);
  return Float64Array.from({ length }, () => 3 + 0.1 * random.normal());
}

test('there is no score before a step has a whole window before it', () => {
  expect(spikeScore([])).toBeNull();
  expect(spikeScore(noise(1000))).toBeNull();
  expect(spikeScore(noise(1001))).toEqual({ score: 0, spikes: [], judged: 1 });
});

test('a spike is found by the steps before it, up or down, and does not hide the next one', () => {
  const values = noise(3000);
  values[500] = 50;
  values[2000] = 4;
  values[2001] = 2;
  const result = spikeScore(values);
  expect(result).toEqual({ score: 0.1, spikes: [2000, 2001], judged: 2000 });
});

test('the step itself is no part of its window', () => {
  // With the outlier in its own window of 20, no value can lie further than √19 ≈ 4.4 deviations away.
  const values = noise(21);
  values[20] = 100;
  expect(spikeScore(values, { window: 20, deviations: 5 })?.spikes).toEqual([20]);
});

test('seven deviations are a spike, a little less is none', () => {
  const window = Float64Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 1 : -1));
  const sd = standardDeviation(window);
  expect(spikeScore([...window, 7 * sd])?.spikes).toEqual([1000]);
  expect(spikeScore([...window, 6.999 * sd])?.spikes).toEqual([]);
});

test('it is the definition, on any series', () => {
  const series = fc.array(fc.oneof(fc.double({ min: -5, max: 5, noNaN: true }), fc.constantFrom(1e6, -1e6, 0, 0.5)), {
    minLength: 8,
    maxLength: 60,
  });
  fc.assert(
    fc.property(series, (values) => {
      const expected: number[] = [];
      for (let i = 6; i < values.length; i++) {
        const before = values.slice(i - 6, i);
        const sd = standardDeviation(before);
        const distance = Math.abs((values[i] ?? 0) - mean(before));
        fc.pre(Math.abs(distance - 3 * sd) > 1e-6 * sd && (sd === 0 || sd > 1e-6));
        if (sd > 0 && distance > 3 * sd) expected.push(i);
      }
      expect(spikeScore(values, { window: 6, deviations: 3 })?.spikes).toEqual(expected);
    }),
  );
});

test('a huge spike leaves no rounding error behind when it has left the window', () => {
  const values = noise(4000);
  values[100] = 1e18;
  expect(spikeScore(values)?.spikes).toEqual([]);
  values[3000] = 4;
  expect(spikeScore(values)?.spikes).toEqual([3000]);
});

test.each([0, 0.1, 1 / 3, 1e-300, 1e300])('a series that stays at %d has no spikes', (value) => {
  const values = new Float64Array(1500).fill(value);
  expect(spikeScore(values)).toEqual({ score: 0, spikes: [], judged: 500 });
  values[1200] = value * (1 + 2 ** -52);
  expect(spikeScore(values)?.spikes).toEqual([]);
});

test('a spread of one rounding is no scale', () => {
  const values = new Float64Array(1101).fill(1);
  values[500] = 1 + 2 ** -52;
  values[1100] = 1 + 2 ** -52;
  expect(spikeScore(values)?.spikes).toEqual([]);
});

test('values that are not finite are spikes, and the windows after them still judge', () => {
  const values = noise(2500);
  values[10] = Number.NaN;
  values[1500] = Number.NaN;
  values[1501] = Infinity;
  values[1600] = 9;
  expect(spikeScore(values)?.spikes).toEqual([1500, 1501, 1600]);
  expect(spikeScore(new Float64Array(1002).fill(Number.NaN))?.score).toBe(100);
});

test.each([1, 0, 2.5, Number.NaN])('a window of %s steps is refused', (window) => {
  expect(() => spikeScore([1, 2, 3], { window })).toThrow(RangeError);
});
