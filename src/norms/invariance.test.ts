import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normKinds } from './index.ts';
import { distance, sampleParameters } from './sample.fixture.ts';

const width = 6;
const rows = 3;

const standardDeviation = (row: readonly number[]): number => {
  const mean = row.reduce((a, b) => a + b, 0) / row.length;
  return Math.sqrt(row.reduce((total, value) => total + (value - mean) ** 2, 0) / row.length);
};

/** Rows that vary and whose entries aren't nearly 0: there every transformation changes a norm that isn't invariant. */
const row = fc
  .array(fc.tuple(fc.double({ min: 0.2, max: 3, noNaN: true }), fc.boolean()), { minLength: width, maxLength: width })
  .map((entries) => entries.map(([size, negative]) => (negative ? -size : size)))
  .filter((entries) => standardDeviation(entries) > 0.3);

const batch = fc.array(row, { minLength: rows, maxLength: rows });
const factor = fc.double({ min: 1.5, max: 50, noNaN: true });

const transformations = {
  shift: fc.tuple(batch, factor).map(([x, c]) => [x, x.map((r) => r.map((value) => value + c))] as const),
  scale: fc.tuple(batch, factor).map(([x, s]) => [x, x.map((r) => r.map((value) => value * s))] as const),
  perRow: fc
    .tuple(batch, fc.tuple(factor, factor, factor))
    .map(([x, s]) => [x, x.map((r, i) => r.map((value) => value * (s[i] ?? 1)))] as const),
} as const;

describe.each(normKinds.map((kind) => [kind.id, kind] as const))('invariances of %s', (_, kind) => {
  const parameters = sampleParameters(kind, width);
  const run = (x: readonly (readonly number[])[]) =>
    kind.forward(Float64Array.from(x.flat()), parameters, { width, epsilon: 0 });

  it.each(['shift', 'scale', 'perRow'] as const)('%s holds exactly where it is claimed', (name) => {
    fc.assert(
      fc.property(transformations[name], ([before, after]) => {
        const gap = distance(run(after), run(before));
        if (kind.invariances[name]) expect(gap).toBeLessThan(1e-12);
        else expect(gap).toBeGreaterThan(1e-6);
      }),
    );
  });
});

describe('each row', () => {
  it.each(normKinds.map((kind) => [kind.id, kind] as const))('is independent of the other rows in %s', (_, kind) => {
    fc.assert(
      fc.property(batch, (x) => {
        const parameters = sampleParameters(kind, width);
        const context = { width, epsilon: kind.defaultEpsilon };
        const together = kind.forward(Float64Array.from(x.flat()), parameters, context);
        const alone = x.flatMap((r) => [...kind.forward(Float64Array.from(r), parameters, context)]);
        expect([...together]).toEqual(alone);
      }),
    );
  });
});
