import { afterEach, describe, expect, test, vi } from 'vitest';
import { createRandom } from '../core/random.ts';
import { emitOnnx, encodeModel, input, slice } from '../graph/index.ts';
import { clockEngine } from './clock.fixture.ts';
import { secondsOf } from './interleave.ts';
import { requireRemainder } from './remainder.ts';
import { medianOverReplicates, ratioOverReplicates, timeReplicates } from './replicates.ts';

const seconds = (...values: number[]) => Float64Array.from(values);

describe('the ratio over replicates', () => {
  test('is a geometric mean with an interval of Student’s t over the replicates', () => {
    // exp(m ± t·s/√n) of ln 1.2, ln 1.1, ln 1.3, with t = 4.302652729911275 for two degrees of freedom.
    const { ratio, ci } = ratioOverReplicates([1.2, 1.1, 1.3].map((r) => [seconds(2 * r, 2 * r), seconds(2, 2)]));
    expect([ratio, ...ci]).toEqual([
      expect.closeTo(1.197215767258376, 12),
      expect.closeTo(0.9728219756061114, 9),
      expect.closeTo(1.4733688478604077, 9),
    ]);
  });

  test('is as wide for a hundred equal rounds as for one: only replicates narrow it', () => {
    const replicates = (rounds: number) =>
      [0.5, 2, 1, 1].map((r) => [new Float64Array(rounds).fill(r), new Float64Array(rounds).fill(1)] as const);
    const { ratio, ci } = ratioOverReplicates(replicates(1));
    expect([ratio, ...ci]).toEqual([1, expect.closeTo(0.4063435041193777, 9), expect.closeTo(2.4609720344051933, 12)]);
    expect(ratioOverReplicates(replicates(100))).toEqual({ ratio, ci });
  });

  test('what slows a whole round down cancels, and a round in which one was held up does not count', () => {
    const slow = [1, 3, 1, 2, 50];
    const b = seconds(...slow.map((f) => 10 * f));
    const a = seconds(...slow.map((f, i) => (i === 2 ? 1000 : 8 * f)));
    const { ratio, ci } = ratioOverReplicates([
      [a, b],
      [a, b],
    ]);
    expect([ratio, ...ci]).toEqual([0.8, 0.8, 0.8].map((value) => expect.closeTo(value, 12)));
  });

  test('needs two of them', () => {
    expect(() => ratioOverReplicates([[seconds(1), seconds(1)]])).toThrow('needs at least 2 values, got 1');
  });

  test('medians are over replicates, not over all rounds', () => {
    expect(medianOverReplicates([seconds(1, 1, 1, 1, 9), seconds(5), seconds(6)])).toBe(5);
  });
});

describe('what remains', () => {
  test('of single rounds may be nothing, which leaves the median as it is', () => {
    expect([...requireRemainder(seconds(2, 0, -4, 2, 3), 'x', '')]).toEqual([2, 1e-9, 1e-9, 2, 3]);
  });

  test('of half of the rounds must be something', () => {
    for (const values of [seconds(2, 0, -1), seconds(0, 0, 3), seconds(1, Number.NaN)]) {
      expect(() => requireRemainder(values, '8×2', 'Take more rows')).toThrow(/8×2 is too small.*Take more rows/);
    }
  });
});

describe('replicates', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const names = ['a', 'b', 'c', 'd', 'e'];
  const model = (name: string) => encodeModel(emitOnnx({ y: slice(input(name, 'float', [1]), 0, 0, 1) }));
  const clock = (milliseconds: (name: string, creation: number) => number) => {
    const made = clockEngine(({ graph }) => graph.inputs[0]?.name ?? '', milliseconds);
    const candidates = names.map((name) => ({
      name,
      create: () => made.engine.createSession(model(name)),
      feeds: {},
    }));
    return { ...made, candidates };
  };

  test('have sessions of their own, created in another order, and none before the last ones are released', async () => {
    const { candidates, created, live } = clock((name, creation) => 10 * (creation + 1) + names.indexOf(name));
    const fractions: number[] = [];
    const timings = await timeReplicates(candidates, {
      replicates: 3,
      seconds: 6,
      random: createRandom('replicates'),
      onFraction: (fraction) => fractions.push(fraction),
    });
    expect(timings.map((entry) => secondsOf(entry, 'c')[0])).toEqual(
      [0.012, 0.022, 0.032].map((s) => expect.closeTo(s, 9)),
    );
    // Rounds take 60, 110 and 160 ms, and each replicate has two seconds.
    expect(timings.map(({ rounds }) => rounds)).toEqual([34, 19, 13]);
    expect(live).toEqual({ now: 0, most: 5 });
    const orders = [0, 5, 10].map((start) => created.slice(start, start + 5).join(''));
    for (const order of orders) expect([...order].sort().join('')).toBe('abcde');
    expect(new Set(orders).size).toBe(3);
    expect(fractions).toEqual([...fractions].sort((x, y) => x - y));
    expect(fractions[0]).toBeLessThan(0.05);
    expect(fractions.at(-1)).toBe(1);
  });

  test('make three rounds however long these take, and not more than 300 in all', async () => {
    const random = createRandom('replicates');
    const long = await timeReplicates(clock(() => 5000).candidates, { replicates: 2, seconds: 1, random });
    expect(long.map(({ rounds }) => rounds)).toEqual([3, 3]);
    const short = await timeReplicates(clock(() => 1e-3).candidates, { replicates: 4, seconds: 1e6, random });
    expect(short.map(({ rounds }) => rounds)).toEqual([75, 75, 75, 75]);
  });

  test.each([7, 12, 60])('an abort at call %d of the engine ends them, with all sessions released', async (at) => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { candidates, live } = clock(() => 1);
    let calls = 0;
    const count = async <T>(work: () => Promise<T>): Promise<T> => {
      if (++calls === at) controller.abort(reason);
      return await work();
    };
    const counting = candidates.map((candidate) => ({
      ...candidate,
      create: () =>
        count(async () => {
          const session = await candidate.create();
          return { ...session, run: (feeds: object) => count(() => session.run({ ...feeds })) };
        }),
    }));
    const work = timeReplicates(counting, {
      replicates: 4,
      seconds: 0,
      random: createRandom(1),
      signal: controller.signal,
    });
    await expect(work).rejects.toBe(reason);
    expect(calls).toBe(at);
    expect(live.now).toBe(0);
  });

  test('a session that cannot be created leaves none behind', async () => {
    const { candidates, live } = clock((_, creation) => {
      if (creation === 1) throw new Error('no memory');
      return 1;
    });
    await expect(timeReplicates(candidates, { replicates: 2, seconds: 0, random: createRandom(1) })).rejects.toThrow(
      'no memory',
    );
    expect(live.now).toBe(0);
  });
});
