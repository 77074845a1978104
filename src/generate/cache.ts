import type { EngineTensor } from '../engine/index.ts';

/** How many slots a cache gains at once: few enough that empty ones cost little, enough that growing is rare. */
const block = 128;

/** The sizes of what a layer keeps of each token. */
export interface CacheShape {
  readonly layers: number;
  readonly heads: number;
  readonly keys: number;
  readonly values: number;
  /** The positions that a sequence may have; a slot with this position holds nothing. */
  readonly context: number;
  /** Whether it has slots before it holds a token, for engines that take no empty inputs. Default false. */
  readonly neverEmpty?: boolean;
}

/** The keys and values of a sequence, in slots that an engine reads without a copy. */
export interface KeyValueCache {
  /** How many tokens it holds. */
  readonly length: number;
  /** The inputs of a decoding graph: `cache_positions` `[capacity]`, `cache.0.keys` `[1, heads, capacity, size]` … */
  feeds(): Readonly<Record<string, EngineTensor>>;
  /** Adds what a decoding graph gave for the next tokens: `entry.0.keys` `[1, heads, count, size]` … */
  append(entries: Readonly<Record<string, EngineTensor>>, count: number): void;
  /** Forgets all tokens. */
  clear(): void;
}

export const parts = ['keys', 'values'] as const;

/** An empty cache, which grows as tokens come. */
export function createCache(shape: CacheShape): KeyValueCache {
  const { layers, heads, context } = shape;
  let length = 0;
  let capacity = 0;
  let positions = new BigInt64Array();
  const slots = Array.from({ length: layers }, () => ({ keys: new Float32Array(), values: new Float32Array() }));

  const grow = (needed: number): void => {
    if (needed <= capacity) return;
    const larger = Math.min(context, Math.ceil(needed / block) * block);
    for (const layer of slots) {
      for (const part of parts) {
        const width = shape[part];
        const old = layer[part];
        layer[part] = new Float32Array(heads * larger * width);
        for (let head = 0; head < heads; head++) {
          const row = old.subarray(head * capacity * width, (head * capacity + length) * width);
          layer[part].set(row, head * larger * width);
        }
      }
    }
    const old = positions;
    positions = new BigInt64Array(larger).fill(BigInt(context));
    positions.set(old);
    capacity = larger;
  };

  if (shape.neverEmpty) grow(1);
  return {
    get length() {
      return length;
    },
    feeds() {
      const feeds: Record<string, EngineTensor> = {
        cache_positions: { dtype: 'int64', shape: [capacity], data: positions },
      };
      for (const [layer, entry] of slots.entries()) {
        for (const part of parts) {
          const size = [1, heads, capacity, shape[part]];
          feeds[`cache.${layer}.${part}`] = { dtype: 'float32', shape: size, data: entry[part] };
        }
      }
      return feeds;
    },
    append(entries, count) {
      if (length + count > context) throw new RangeError(`generate/cache: ${length + count} tokens exceed ${context}`);
      grow(length + count);
      for (const [layer, entry] of slots.entries()) {
        for (const part of parts) {
          const name = `entry.${layer}.${part}`;
          const added = entries[name];
          if (added?.dtype !== 'float32') throw new Error(`generate/cache: the engine gave no float32 ${name}`);
          const width = shape[part];
          for (let head = 0; head < heads; head++) {
            const rows = added.data.subarray(head * count * width, (head + 1) * count * width);
            entry[part].set(rows, (head * capacity + length) * width);
          }
        }
      }
      for (let i = 0; i < count; i++) positions[length + i] = BigInt(length + i);
      length += count;
    },
    clear() {
      length = 0;
      positions.fill(BigInt(context));
    },
  };
}
