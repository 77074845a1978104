/** A dimension: a number, or the name of one that is known when the graph runs (`batch`, `seq`). */
export type Dim = number | string;

/** A shape that may hold symbols. */
export type Shape = readonly Dim[];

/** A shape whose every dimension is known. */
export type StaticShape = readonly number[];

/** The number of elements of a shape. */
export function sizeOf(shape: StaticShape): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** `[batch, 16, 768]`, as messages print it. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}
