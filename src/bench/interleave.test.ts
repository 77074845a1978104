import { expect, test, vi } from 'vitest';
import { interleave, secondsOf } from './interleave.ts';

function recorder() {
  const calls: string[] = [];
  const variant = (name: string) => ({
    name,
    run: async () => {
      calls.push(name);
    },
  });
  return { calls, variants: ['a', 'b', 'c'].map(variant) };
}

test('every round runs each variant once, in changing order, after two rounds of warm-up', async () => {
  const { calls, variants } = recorder();
  const timings = await interleave(variants, { seconds: 0, minRounds: 8 });
  expect(timings.rounds).toBe(8);
  const rounds = Array.from({ length: 10 }, (_, i) => calls.slice(3 * i, 3 * i + 3).join(''));
  expect(calls).toHaveLength(30);
  for (const round of rounds) expect([...round].sort().join('')).toBe('abc');
  expect(new Set(rounds.slice(2)).size).toBeGreaterThan(2);
  for (const name of ['a', 'b', 'c']) expect(secondsOf(timings, name)).toHaveLength(8);
  expect(() => secondsOf(timings, 'd')).toThrow('d was not timed');
});

test('time and the largest number of rounds end it', async () => {
  const { variants } = recorder();
  expect((await interleave(variants, { seconds: 1e9, maxRounds: 7 })).rounds).toBe(7);
});

test('progress rises to 1', async () => {
  const onRound = vi.fn();
  await interleave(recorder().variants, { seconds: 0, minRounds: 4, onRound });
  const fractions = onRound.mock.calls.map(([, fraction]) => fraction);
  expect(fractions).toEqual([...fractions].sort());
  expect(fractions.at(-1)).toBe(1);
});

test('an abort ends it with its reason at the next variant', async () => {
  const { calls, variants } = recorder();
  const controller = new AbortController();
  const reason = new Error('enough');
  const last = {
    name: 'stop',
    run: async () => {
      calls.push('stop');
      if (calls.length > 10) controller.abort(reason);
    },
  };
  await expect(interleave([...variants, last], { seconds: 1e9, signal: controller.signal })).rejects.toBe(reason);
  expect(calls.at(-1)).toBe('stop');
});
