import { expect, test } from 'vitest';
import { createRandom } from '../../core/random.ts';
import { compareLogits, medianDifference } from './difference.ts';
import { tallyLogits } from './logits.ts';
import { differenceOf } from './observe.fixture.ts';

/** Logits `[positions, 2]`, all at once. */
function compared(reference: readonly number[], observed: readonly number[]) {
  const one = () => tallyLogits([new Array(reference.length / 2).fill(0)]);
  const [expected, found] = [one(), one()];
  const comparison = compareLogits(expected, found);
  comparison.add(expected.add(Float64Array.from(reference)), found.add(Float64Array.from(observed)));
  return comparison.difference();
}

test('figures by hand', () => {
  // Probabilities 1/4 and 3/4 against 1/2 and 1/2; then equal up to a constant, which softmax does not see.
  const difference = compared([0, Math.log(3), 1, 2], [5, 5, 4, 5]);
  expect(difference.maxAbsLogit).toBeCloseTo(5, 12);
  expect(difference.nmse).toBeCloseTo((25 + (5 - Math.log(3)) ** 2 + 9 + 9) / (Math.log(3) ** 2 + 1 + 4), 12);
  expect(difference.kl).toBeCloseTo((0.25 * Math.log(0.5) + 0.75 * Math.log(1.5)) / 2, 12);
  expect(difference.top1Agreement).toBe(0.5);
});

test('equal logits differ by nothing, also huge ones', () => {
  const same = [1e4, -1e4, 3e5, 0];
  expect(compared(same, same)).toEqual({ maxAbsLogit: 0, nmse: 0, kl: 0, top1Agreement: 1 });
});

test('one NaN makes every figure but the agreement NaN', () => {
  const { maxAbsLogit, nmse, kl } = compared([1, 2, 3, 4], [1, Number.NaN, 3, 4]);
  expect([maxAbsLogit, nmse, kl]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});

test('the median is taken figure by figure', () => {
  const figure = (maxAbsLogit: number, kl: number) => ({ maxAbsLogit, nmse: 0, kl, top1Agreement: 1 });
  expect(medianDifference([figure(1, 9), figure(5, 1), figure(3, 2)])).toEqual(figure(3, 2));
});

test.each([1, 7, 20])('blocks of %i columns give what the whole rows do', (width) => {
  const [positions, vocabularySize] = [3, 20];
  const random = createRandom(width);
  const draw = (scale: number) =>
    Float64Array.from({ length: positions * vocabularySize }, () => scale * random.normal());
  const reference = draw(300);
  const noise = draw(0.3);
  const observed = reference.map((logit, i) => logit + (noise[i] ?? 0));
  const one = () => tallyLogits([new Array(positions).fill(0)]);
  const [expected, found] = [one(), one()];
  const comparison = compareLogits(expected, found);
  for (let start = 0; start < vocabularySize; start += width) {
    const columns = (logits: Float64Array) =>
      logits.filter((_, i) => i % vocabularySize >= start && i % vocabularySize < start + width);
    comparison.add(expected.add(columns(reference)), found.add(columns(observed)));
  }
  const [blocks, whole] = [
    comparison.difference(),
    differenceOf(
      { vocabularySize, logits: reference, residualMeans: [] },
      { vocabularySize, logits: observed, residualMeans: [] },
    ),
  ];
  expect(blocks.maxAbsLogit).toBe(whole.maxAbsLogit);
  expect(blocks.top1Agreement).toBe(whole.top1Agreement);
  expect(blocks.nmse / whole.nmse).toBeCloseTo(1, 12);
  expect(Math.abs(blocks.kl - whole.kl)).toBeLessThan(1e-13);
});
