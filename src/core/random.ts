import { createHash } from 'node:crypto';
import { philox4x32 } from './philox.ts';

/** Where a stream of random numbers stands: plain data, so that a run folder can hold it. */
export interface RandomState {
  readonly seed: string;
  /** The labels of the splits that led here. */
  readonly path: readonly string[];
  /** How many 32-bit numbers were drawn. */
  readonly drawn: number;
}

/**
 * A stream of pseudorandom numbers that is a function of its seed and path only.
 *
 * The same seed and path give the same numbers on every machine; `normal` is exact up to the engine's `Math.log` and
 * `Math.cos`, which are the same code wherever V8 runs. Not for secrets.
 */
export interface Random {
  /** The stream of a label. It doesn't depend on how many numbers were drawn here, and draws none. */
  split(label: string): Random;
  /** An integer in [0, 2³²). */
  nextUint32(): number;
  /** A multiple of 2⁻⁵³ in [0, 1). */
  uniform(): number;
  /** An integer in [0, n), unbiased. Throws a RangeError unless n is an integer in [1, 2³²]. */
  integer(n: number): number;
  /** A standard normal deviate. */
  normal(): number;
  /** The integers 0 to n − 1 in random order. */
  permutation(n: number): Uint32Array;
  /** Fills with normal deviates of mean 0 and standard deviation `std`. */
  fillNormal(target: Float32Array, std: number): void;
  state(): RandomState;
}

/** The stream of a seed. A number and its decimal digits are the same seed. Throws a RangeError for a number that isn't a safe integer. */
export function createRandom(seed: number | string): Random {
  if (typeof seed === 'number' && !Number.isSafeInteger(seed)) {
    throw new RangeError(`core/random: the seed is ${seed}, expected a safe integer or a string`);
  }
  return restoreRandom({ seed: String(seed), path: [], drawn: 0 });
}

/**
 * The stream that stands where `state` says.
 *
 * Numbers come from Philox4x32-10. The first 16 bytes of SHA-256(JSON of [seed, ...path]), as little-endian words, are
 * the key (2 words) and the upper half of the counter; the lower half counts blocks of four numbers.
 */
export function restoreRandom(state: RandomState): Random {
  const { seed, path } = state;
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...path]))
    .digest();
  const key = [digest.readUInt32LE(0), digest.readUInt32LE(4)] as const;
  const counter: [number, number, number, number] = [0, 0, digest.readUInt32LE(8), digest.readUInt32LE(12)];
  const block = new Uint32Array(4);
  let drawn = state.drawn;
  let stale = true;

  function nextUint32(): number {
    const position = drawn & 3;
    if (stale || position === 0) {
      const blockIndex = Math.floor(drawn / 4);
      counter[0] = blockIndex >>> 0;
      counter[1] = Math.floor(blockIndex / 2 ** 32);
      philox4x32(counter, key, block);
      stale = false;
    }
    drawn++;
    return block[position] ?? 0;
  }

  function uniform(): number {
    const high = nextUint32() >>> 6;
    const low = nextUint32() >>> 5;
    return (high * 2 ** 27 + low) * 2 ** -53;
  }

  function integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new RangeError(`core/random: integer(${n}), expected an integer from 1 to 2^32`);
    }
    // What lies above the largest multiple of n would make small results likelier: draw again.
    const limit = 2 ** 32 - (2 ** 32 % n);
    let value = nextUint32();
    while (value >= limit) value = nextUint32();
    return value % n;
  }

  function normal(): number {
    // Box–Muller. Its second deviate is thrown away: keeping it would be state that `drawn` doesn't tell.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  }

  return {
    split: (label) => restoreRandom({ seed, path: [...path, label], drawn: 0 }),
    nextUint32,
    uniform,
    integer,
    normal,
    permutation(n) {
      const order = Uint32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = integer(i + 1);
        const moved = order[i] ?? 0;
        order[i] = order[j] ?? 0;
        order[j] = moved;
      }
      return order;
    },
    fillNormal(target, std) {
      for (let i = 0; i < target.length; i++) target[i] = std * normal();
    },
    state: () => ({ seed, path, drawn }),
  };
}
