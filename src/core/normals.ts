import type { Random } from './random.ts';

/** Layers of equal area under the density; the lowest one has the tail beyond `tailStart` in it. */
const layers = 128;
const tailStart = 3.442619855899;
const layerArea = 9.91256303526217e-3;

/** The layers' right ends, from the widest to 0, and the unnormalized density there. */
const ends = layerEnds();
const heights = ends.map(density);

/**
 * Fills with normal deviates of mean 0 and standard deviation `std`, about twenty times as fast as `random.normal()`.
 *
 * A function of the four words that it draws from `random`: they seed xoshiro128++ [Blackman and Vigna 2021], whose words
 * the ziggurat method [Marsaglia and Tsang 2000] turns into deviates; the layer and the place in it come from different bits
 * of a word [Doornik 2005].
 */
export function fillNormals(target: Float32Array, std: number, random: Random): void {
  const state = Int32Array.from([
    random.nextUint32(),
    random.nextUint32(),
    random.nextUint32(),
    random.nextUint32() | 1,
  ]);
  let [a = 0, b = 0, c = 0, d = 0] = state;
  for (let i = 0; i < target.length; i++) {
    // `next`, written out: this loop is all that generating a checkpoint takes.
    const sum = (a + d) | 0;
    const word = (((sum << 7) | (sum >>> 25)) + a) | 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    const x = placeOf(word) * (ends[word & (layers - 1)] as number);
    if (Math.abs(x) < (ends[(word & (layers - 1)) + 1] as number)) {
      target[i] = std * x;
      continue;
    }
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = d;
    target[i] = std * deviate(word, state);
    a = state[0] as number;
    b = state[1] as number;
    c = state[2] as number;
    d = state[3] as number;
  }
}

/** The upper 25 bits of a word: a number in [−1, 1). */
function placeOf(word: number): number {
  return (word >> 7) * 2 ** -24;
}

/** The deviate that begins with a word. */
function deviate(first: number, state: Int32Array): number {
  for (let word = first; ; word = next(state)) {
    const layer = word & (layers - 1);
    const x = placeOf(word) * (ends[layer] as number);
    if (Math.abs(x) < (ends[layer + 1] as number)) return x;
    if (layer === 0) return word < 0 ? -tail(state) : tail(state);
    const bottom = heights[layer] as number;
    const top = heights[layer + 1] as number;
    if (bottom + unit(state) * (top - bottom) < density(x)) return x;
  }
}

/** A deviate beyond `tailStart` [Marsaglia 1964]. */
function tail(state: Int32Array): number {
  for (;;) {
    const beyond = -Math.log(unit(state)) / tailStart;
    if (-2 * Math.log(unit(state)) > beyond * beyond) return tailStart + beyond;
  }
}

/** In (0, 1). */
function unit(state: Int32Array): number {
  return ((next(state) >>> 0) + 0.5) * 2 ** -32;
}

/** The next word of xoshiro128++. */
function next(state: Int32Array): number {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  const sum = (a + d) | 0;
  const word = (((sum << 7) | (sum >>> 25)) + a) | 0;
  const shifted = b << 9;
  c ^= a;
  d ^= b;
  b ^= c;
  a ^= d;
  c ^= shifted;
  d = (d << 11) | (d >>> 21);
  state.set([a, b, c, d]);
  return word;
}

function density(x: number): number {
  return Math.exp(-0.5 * x * x);
}

function layerEnds(): Float64Array {
  const result = new Float64Array(layers + 1);
  // The lowest layer is as wide as a rectangle of its area, tail included, would be.
  result[0] = layerArea / density(tailStart);
  result[1] = tailStart;
  for (let i = 2; i < layers; i++) {
    const previous = result[i - 1] as number;
    result[i] = Math.sqrt(-2 * Math.log(layerArea / previous + density(previous)));
  }
  return result;
}
