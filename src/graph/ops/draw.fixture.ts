import type { Random } from '../../core/random.ts';
import { type Dim, type Shape, sizeOf } from '../../core/shape.ts';
import { resolveShape } from '../ndarray.ts';
import { at, type Bindings, type ElementType, makeValue, type Value } from '../tensor.ts';

/** What the symbols of drawn shapes stand for. */
export const bindings: Bindings = new Map([
  ['batch', 2],
  ['seq', 3],
]);

export function shapeOf(shape: Shape): readonly number[] {
  return resolveShape(shape, bindings);
}

export function choose<const T>(random: Random, options: readonly T[]): T {
  return at(options, random.integer(options.length), 'options');
}

/** Axes of length 1 to 4, of which one may be `batch` and one `seq`. Ranks from `least` to `most`. */
export function drawShape(random: Random, least = 0, most = 4): Shape {
  const rank = least + random.integer(most - least + 1);
  const shape: Dim[] = Array.from({ length: rank }, () => 1 + random.integer(4));
  for (const symbol of ['batch', 'seq']) {
    if (rank > 0 && random.uniform() < 0.4) shape[random.integer(rank)] = symbol;
  }
  return shape;
}

/** Two shapes that broadcast to the given one, between them keeping every axis of it. */
export function drawOperands(random: Random, shape: Shape): readonly [Shape, Shape] {
  const shrunk = shape.map((dim) =>
    choose<readonly [Dim, Dim]>(random, [
      [dim, dim],
      [dim, dim],
      [dim, 1],
      [1, dim],
    ]),
  );
  const trim = (own: Shape): Shape => {
    const ones = own.findIndex((dim) => dim !== 1);
    return own.slice(random.integer((ones < 0 ? own.length : ones) + 1));
  };
  return [trim(shrunk.map(([dim]) => dim)), trim(shrunk.map(([, dim]) => dim))];
}

/** Numbers that float32 holds exactly, so that what an engine is given is what the evaluation is given. */
function fill(shape: Shape, dtype: ElementType, draw: () => number): Value {
  const sizes = shapeOf(shape);
  return makeValue(
    dtype,
    sizes,
    Float64Array.from({ length: sizeOf(sizes) }, () => Math.fround(draw())),
  );
}

export const normals = (random: Random, shape: Shape): Value => fill(shape, 'float', () => random.normal());

/** From 0.3 to 2.3. */
export const positives = (random: Random, shape: Shape): Value =>
  fill(shape, 'float', () => 0.3 + 2 * random.uniform());

/** From 0.3 to 2.3, of either sign: away from the kink or pole at 0. */
export const awayFromZero = (random: Random, shape: Shape): Value =>
  fill(shape, 'float', () => (0.3 + 2 * random.uniform()) * choose(random, [1, -1]));

/** Multiples of 1/4, moved by `offset`: two such values with other offsets never tie. */
export const steps = (random: Random, shape: Shape, offset: number): Value =>
  fill(shape, 'float', () => (random.integer(17) - 8) / 4 + offset);

export const ids = (random: Random, shape: Shape, count: number): Value =>
  fill(shape, 'int', () => random.integer(count));

export const booleans = (random: Random, shape: Shape): Value => fill(shape, 'bool', () => random.integer(2));
