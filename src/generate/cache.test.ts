import { expect, test } from 'vitest';
import { createCache } from './cache.ts';

const shape = { layers: 1, heads: 2, keys: 3, values: 4, context: 5 };

test('a new cache has no slots', () => {
  expect(createCache(shape).feeds()['cache.0.keys']?.shape).toEqual([1, 2, 0, 3]);
});

test('one that is never empty has slots, which hold nothing', () => {
  const cache = createCache({ ...shape, neverEmpty: true });
  const feeds = cache.feeds();
  expect(cache.length).toBe(0);
  expect(feeds.cache_positions).toMatchObject({ shape: [5], data: BigInt64Array.of(5n, 5n, 5n, 5n, 5n) });
  expect(feeds['cache.0.keys']?.shape).toEqual([1, 2, 5, 3]);
  expect(feeds['cache.0.values']?.shape).toEqual([1, 2, 5, 4]);
});
