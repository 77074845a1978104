import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom, type Random, restoreRandom } from './random.ts';

function draw(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.nextUint32());
}

/** The moments about zero, E[xᵏ] for k = 1 … 4. */
function moments(values: ArrayLike<number>): number[] {
  return [1, 2, 3, 4].map((k) => Array.from(values).reduce((sum, x) => sum + x ** k, 0) / values.length);
}

function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe('streams', () => {
  // python3: key and counter from hashlib.sha256(b'["1","init"]').digest()[:16] as '<4I'; randomgen's Philox(number=4,
  // width=32) as in philox.test.ts.
  test('are Philox keyed by the hash of seed and path', () => {
    expect(draw(createRandom(1).split('init'), 6)).toEqual([
      163833395, 1829401314, 3015640743, 891437856, 4027432092, 3172568884,
    ]);
  });

  test('know numbers and their digits as one seed', () => {
    expect(draw(createRandom(17), 8)).toEqual(draw(createRandom('17'), 8));
  });

  test('differ by seed, label and nesting', () => {
    const root = createRandom(1);
    const streams = [root, createRandom(2), createRandom(-1), createRandom(''), root.split(''), root.split('a')];
    streams.push(root.split('a').split('b'), root.split('b').split('a'), root.split('a,b'), root.split('a","b'));
    expect(new Set(streams.map((stream) => stream.nextUint32())).size).toBe(streams.length);
  });

  test('split without regard to what was drawn', () => {
    const random = createRandom('x');
    const before = draw(random.split('weights'), 10);
    const first = draw(random, 7);
    expect(draw(random.split('weights'), 10)).toEqual(before);
    expect([...first, ...draw(random, 3)]).toEqual(draw(createRandom('x'), 10));
  });

  test('of neighbouring labels are uncorrelated', () => {
    const root = createRandom(5);
    const n = 20000;
    for (const [a, b] of [
      ['0', '1'],
      ['layer.1', 'layer.2'],
    ] as const) {
      const left = root.split(a);
      const right = root.split(b);
      let product = 0;
      for (let i = 0; i < n; i++) product += left.normal() * right.normal();
      expect(Math.abs(product / Math.sqrt(n))).toBeLessThan(4);
    }
  });

  test('go on where a stored state stands, wherever that is', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.string(), fc.array(fc.string()), (drawn, seed, labels) => {
        const random = labels.reduce((stream, label) => stream.split(label), createRandom(seed));
        draw(random, drawn);
        const restored = restoreRandom(JSON.parse(JSON.stringify(random.state())));
        expect(restored.state()).toEqual(random.state());
        const next = [random.normal(), random.uniform(), random.integer(1000), random.nextUint32()];
        expect([restored.normal(), restored.uniform(), restored.integer(1000), restored.nextUint32()]).toEqual(next);
      }),
    );
  });

  test('do not repeat after 2³² blocks', () => {
    const state = createRandom(1).state();
    expect(draw(restoreRandom({ ...state, drawn: 2 ** 34 }), 4)).not.toEqual(draw(restoreRandom(state), 4));
  });

  test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuse the seed %s', (seed) => {
    expect(() => createRandom(seed)).toThrow(/seed is .* expected a safe integer/);
  });
});

describe('distributions', () => {
  test('uniform has the moments 1/(k+1) and 53 bits', () => {
    const random = createRandom('uniform');
    const values = Array.from({ length: 100000 }, () => random.uniform());
    // Four standard errors of the mean of xᵏ, whose variance is 1/(2k+1) − 1/(k+1)².
    moments(values).forEach((moment, i) => {
      const k = i + 1;
      const standardError = Math.sqrt((1 / (2 * k + 1) - 1 / (k + 1) ** 2) / values.length);
      expect(Math.abs(moment - 1 / (k + 1))).toBeLessThan(4 * standardError);
    });
    expect(Math.min(...values.slice(0, 1000))).toBeGreaterThanOrEqual(0);
    expect(values.every((x) => x < 1 && Number.isInteger(x * 2 ** 53))).toBe(true);
    for (const bit of [27, 28, 53]) {
      const share = values.filter((x) => Math.floor(x * 2 ** bit) % 2 === 1).length / values.length;
      expect(Math.abs(share - 0.5) * 2 * Math.sqrt(values.length)).toBeLessThan(4);
    }
  });

  test('normal has the moments 0, 1, 0, 3', () => {
    const values = new Float32Array(200000);
    createRandom('normal').fillNormal(values, 1);
    const [m1 = 0, m2 = 0, m3 = 0, m4 = 0] = moments(values);
    const root = Math.sqrt(values.length);
    // Variances of x, x², x³, x⁴: 1, 2, 15, 96.
    expect(Math.abs(m1) * root).toBeLessThan(4);
    expect(Math.abs(m2 - 1) * root).toBeLessThan(4 * Math.sqrt(2));
    expect(Math.abs(m3) * root).toBeLessThan(4 * Math.sqrt(15));
    expect(Math.abs(m4 - 3) * root).toBeLessThan(4 * Math.sqrt(96));
    const tail = values.filter((x) => Math.abs(x) > 3).length / values.length;
    expect(tail).toBeGreaterThan(0.0023);
    expect(tail).toBeLessThan(0.0031);
  });

  test('fillNormal scales what normal draws, and a longer fill begins as a shorter one', () => {
    const short = new Float32Array(5);
    const long = new Float32Array(9);
    createRandom(3).fillNormal(short, 0.02);
    createRandom(3).fillNormal(long, 0.02);
    expect(long.slice(0, 5)).toEqual(short);
    const random = createRandom(3);
    expect(short).toEqual(Float32Array.from({ length: 5 }, () => 0.02 * random.normal()));
  });

  // scipy.stats.chi2.ppf(1 - 1e-4, n - 1)
  test.each([
    [2, 15.137],
    [7, 27.856],
    [256, 347.654],
  ])('integer(%i) is uniform', (n, limit) => {
    const random = createRandom(`integer ${n}`);
    const counts = new Array<number>(n).fill(0);
    for (let i = 0; i < 50000; i++) {
      const value = random.integer(n);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    expect(chiSquare(counts)).toBeLessThan(limit);
  });

  test('integer is unbiased where 2³² mod n is large', () => {
    const n = 3 * 2 ** 30;
    const random = createRandom('bias');
    let low = 0;
    for (let i = 0; i < 20000; i++) if (random.integer(n) < 2 ** 30) low++;
    // Without rejection half of the draws would be low, instead of a third.
    expect(low / 20000).toBeCloseTo(1 / 3, 1);
    expect(random.integer(1)).toBe(0);
    expect(random.integer(2 ** 32)).toBeLessThan(2 ** 32);
  });

  test.each([0, -1, 1.5, 2 ** 32 + 1, Number.NaN])('integer(%s) is refused', (n) => {
    expect(() => createRandom(1).integer(n)).toThrow(RangeError);
  });

  test('permutation(n) holds every number once, and every order is as likely', () => {
    expect([...createRandom(2).permutation(100)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
    expect(createRandom(2).permutation(0)).toHaveLength(0);
    const counts = new Map<string, number>();
    const random = createRandom('orders');
    for (let i = 0; i < 24000; i++) {
      const order = random.permutation(4).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // scipy.stats.chi2.ppf(1 - 1e-4, 23)
    expect(chiSquare([...counts.values()])).toBeLessThan(57.075);
  });
});
