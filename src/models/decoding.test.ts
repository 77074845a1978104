import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { evaluate, makeValue, type Value } from '../graph/index.ts';
import { buildDecoder } from './build.ts';
import { buildDecoding, cacheSize } from './decoding.ts';
import { openModel, readParameters } from './load.ts';

const golden = join(import.meta.dirname, '../../test/fixtures/golden');
const ids = [5, 17, 3, 42, 9, 28, 11, 60, 2, 33];
/** How many tokens are fed in each run: a prompt, single tokens, a few at once. */
const pieces = [4, 1, 1, 3, 1];

/** The logits of each token, by feeding the pieces one after the other. Slots are of the given number and in any order. */
async function decode(
  folder: string,
  capacity: number,
): Promise<{ readonly cached: Float64Array; readonly whole: Float64Array }> {
  const model = await openModel(folder);
  try {
    const { spec, storage } = model;
    const parameters = await readParameters(model);
    const graph = buildDecoding(spec, { storage, context: ids.length });
    const { heads, keys, values } = cacheSize(spec);
    const empty = (width: number) => new Float64Array(heads * capacity * width);
    const cache = Array.from({ length: spec.numLayers }, () => ({ keys: empty(keys), values: empty(values) }));
    const slots = new Float64Array(capacity).fill(ids.length);
    const cached: number[] = [];
    let first = 0;
    for (const count of pieces) {
      const here = Array.from({ length: count }, (_, i) => first + i);
      const feeds: Record<string, Value> = {
        ...parameters,
        input_ids: makeValue(
          'int',
          [1, count],
          here.map((i) => ids[i] ?? 0),
        ),
        positions: makeValue('int', [count], here),
        cache_positions: makeValue('int', [capacity], slots),
        selection: makeValue('int', [count], [...here.keys()]),
      };
      for (const [layer, entry] of cache.entries()) {
        feeds[`cache.${layer}.keys`] = makeValue('float', [1, heads, capacity, keys], entry.keys);
        feeds[`cache.${layer}.values`] = makeValue('float', [1, heads, capacity, values], entry.values);
      }
      const outputs = evaluate([graph.logits, ...graph.entries.flatMap((entry) => [entry.keys, entry.values])], feeds);
      cached.push(...(outputs[0]?.data ?? []));
      for (const [layer, entry] of cache.entries()) {
        for (const [place, width, own] of [
          [entry.keys, keys, outputs[1 + 2 * layer]],
          [entry.values, values, outputs[2 + 2 * layer]],
        ] as const) {
          for (let head = 0; head < heads; head++) {
            for (const [i, position] of here.entries()) {
              const row = own?.data.subarray((head * count + i) * width, (head * count + i + 1) * width) ?? [];
              place.set(row, (head * capacity + slotOf(position, capacity)) * width);
            }
          }
        }
      }
      for (const position of here) slots[slotOf(position, capacity)] = position;
      first += count;
    }
    const { logits } = buildDecoder(spec, { batch: 1, sequence: ids.length, storage });
    const [whole] = evaluate([logits], { ...parameters, input_ids: makeValue('int', [1, ids.length], ids) });
    return { cached: Float64Array.from(cached), whole: whole?.data ?? new Float64Array() };
  } finally {
    await model.checkpoint.close();
  }
}

/** Slots are filled from behind: which one holds what does not matter. */
function slotOf(position: number, capacity: number): number {
  return capacity - 1 - position;
}

describe('decoding with a cache gives the logits of one pass', () => {
  test.each(readdirSync(golden))('%s', async (name) => {
    const { cached, whole } = await decode(join(golden, name), 13);
    expect(cached).toHaveLength(whole.length);
    let largest = 0;
    for (const [i, value] of whole.entries()) largest = Math.max(largest, Math.abs(value - (cached[i] ?? Number.NaN)));
    expect(largest).toBeLessThan(1e-10);
  });
});
