import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../core/errors.ts';
import { createRandom } from '../core/random.ts';
import { type Batch, trainBatch, validationBatches } from './index.ts';

/** A text in which no window of four bytes comes twice, so that a window tells where it was cut. */
const text = Uint8Array.from({ length: 65536 }, (_, i) => (i % 2 === 0 ? i >> 9 : (i >> 1) & 0xff));

/** The rows of a batch, each as inputs followed by the last target. */
function windows({ inputs, targets, batch, context }: Batch): number[][] {
  return Array.from({ length: batch }, (_, row) => {
    const from = row * context;
    const window = [...inputs.subarray(from, from + context), targets[from + context - 1] ?? -1];
    expect([...targets.subarray(from, from + context)]).toEqual(window.slice(1));
    return window;
  });
}

function positionOf(window: readonly number[]): number {
  return Buffer.from(text).indexOf(Buffer.from(window));
}

describe('trainBatch', () => {
  const options = { batch: 16, context: 32, step: 3, random: createRandom(1).split('data') };

  test('cuts windows of the text, with the next byte as target', () => {
    const batch = trainBatch(text, options);
    expect([batch.inputs.length, batch.targets.length]).toEqual([512, 512]);
    for (const window of windows(batch)) expect(positionOf(window)).toBeGreaterThanOrEqual(0);
  });

  test('depends on seed and step alone', () => {
    const batch = trainBatch(text, options);
    const random = createRandom(1).split('data');
    for (let i = 0; i < 10; i++) random.normal();
    trainBatch(text, { ...options, step: 2, random });
    expect(trainBatch(text, { ...options, random })).toEqual(batch);
    expect(trainBatch(text, { ...options, step: 4 })).not.toEqual(batch);
    expect(trainBatch(text, { ...options, random: createRandom(2).split('data') })).not.toEqual(batch);
  });

  test('is the same in every version', () => {
    // The numbers of the stream `["1","data","batch 0"]` (see random.test.ts) modulo 65536 − 32.
    const starts = windows(trainBatch(text, { ...options, batch: 4, step: 0 })).map(positionOf);
    expect(starts).toEqual([2100, 15598, 41817, 13367]);
  });

  test('reaches the first and the last window', () => {
    const short = Uint8Array.from([10, 11, 12, 13, 14]);
    const first = new Set<number | undefined>();
    for (let step = 0; step < 60; step++) {
      const { inputs, targets } = trainBatch(short, { ...options, batch: 2, context: 2, step });
      first.add(inputs[0]);
      expect((targets[1] ?? 0) - (inputs[0] ?? 0)).toBe(2);
    }
    expect([...first].sort()).toEqual([10, 11, 12]);
  });

  test('a text of just one batch will do, a shorter one is refused in one line', () => {
    const small = { ...options, batch: 4, context: 8 };
    expect(() => trainBatch(text.subarray(0, 33), small)).not.toThrow();
    expect(() => trainBatch(text.subarray(0, 32), small)).toThrow(
      new InputError(
        'text: the training text has 32 bytes, needs at least 33 for 4 × 8; use a smaller --context or --batch',
      ),
    );
    expect(() => trainBatch(text, { ...options, batch: 0 })).toThrow('batch is 0, expected a whole number');
    expect(() => trainBatch(text, { ...options, context: 1.5 })).toThrow(InputError);
  });
});

describe('validationBatches', () => {
  test('without a limit they are the whole text, window by window', () => {
    const batches = validationBatches(text.subarray(0, 1000), { batch: 3, context: 10 });
    const starts = batches.flatMap((batch) => windows(batch).map(positionOf));
    expect(starts).toEqual(Array.from({ length: 99 }, (_, i) => 10 * i));
    // The last byte of the fourth window would have nothing after it.
    expect(validationBatches(text.subarray(0, 40), { batch: 1, context: 10 })).toHaveLength(3);
  });

  test('with a limit they are spread over the text, ascending and without overlap', () => {
    const sizes = fc.record({
      length: fc.integer({ min: 200, max: 5000 }),
      batch: fc.integer({ min: 1, max: 5 }),
      context: fc.integer({ min: 4, max: 30 }),
      limit: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(sizes, ({ length, batch, context, limit }) => {
        const batches = validationBatches(text.subarray(0, length), { batch, context, limit });
        const starts = batches.flatMap((one) => windows(one).map(positionOf));
        const possible = Math.floor((length - 1) / context);
        expect(batches).toHaveLength(Math.min(limit, Math.floor(possible / batch)));
        const gap = (possible / starts.length) * context;
        starts.forEach((start, i) => {
          expect(Math.abs(start - i * gap)).toBeLessThanOrEqual(context);
          if (i > 0) expect(start - (starts[i - 1] ?? 0)).toBeGreaterThanOrEqual(context);
        });
      }),
    );
  });

  test('a text shorter than one batch is refused, and a limit of nothing', () => {
    expect(() => validationBatches(text.subarray(0, 32), { batch: 4, context: 8 })).toThrow(
      /the held-out text has 32 bytes, needs at least 33/,
    );
    expect(validationBatches(text.subarray(0, 33), { batch: 4, context: 8 })).toHaveLength(1);
    expect(() => validationBatches(text, { batch: 4, context: 8, limit: 0 })).toThrow(RangeError);
  });
});
