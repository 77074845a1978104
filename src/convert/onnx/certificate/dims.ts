import type { Dim, Shape } from '../../../core/shape.ts';

/** How large the dimensions without a length are made. */
export interface DimSizes {
  readonly batch: number;
  /** Tokens, frames. */
  readonly length: number;
  /** Tokens that were computed before. */
  readonly past: number;
}

/** What is tried until the model runs: a table of few positions takes few tokens, pictures must be of some size. */
export const sizesToTry: readonly DimSizes[] = [
  { batch: 2, length: 16, past: 4 },
  { batch: 2, length: 8, past: 4 },
  { batch: 2, length: 4, past: 2 },
  { batch: 1, length: 16, past: 4 },
  { batch: 1, length: 4, past: 0 },
  { batch: 1, length: 1, past: 4 },
  { batch: 1, length: 1, past: 0 },
  { batch: 2, length: 224, past: 0 },
  { batch: 2, length: 3000, past: 0 },
];

/** The shape with its symbols replaced, by what `bound` says of them, else by their names. */
export function sizedShape(shape: Shape, sizes: DimSizes, bound: ReadonlyMap<string, number>): readonly number[] {
  return shape.map((dim, axis) => sizeOfDim(dim, axis, sizes, bound));
}

function sizeOfDim(dim: Dim, axis: number, sizes: DimSizes, bound: ReadonlyMap<string, number>): number {
  if (typeof dim === 'number') return dim;
  const known = bound.get(dim);
  if (known !== undefined) return known;
  // Optimum names lengths by how they come about: `past_sequence_length + sequence_length`.
  const terms = dim.split('+').map((term) => term.trim());
  if (terms.length > 1) {
    return terms.reduce(
      (sum, term) => sum + (/^\d+$/.test(term) ? Number(term) : sizeOfDim(term, axis, sizes, bound)),
      0,
    );
  }
  if (/batch/i.test(dim)) return sizes.batch;
  if (/total/i.test(dim)) return sizes.past + sizes.length;
  if (/past|cache/i.test(dim)) return sizes.past;
  if (/seq|len|token|frame|height|width/i.test(dim)) return sizes.length;
  return axis === 0 ? sizes.batch : sizes.length;
}

/** What the symbols of declared shapes are in given ones. */
export function boundDims(pairs: Iterable<readonly [declared: Shape, given: readonly number[]]>): Map<string, number> {
  const bound = new Map<string, number>();
  for (const [declared, given] of pairs) {
    for (const [axis, dim] of declared.entries()) {
      const size = given[axis];
      if (typeof dim === 'string' && size !== undefined) bound.set(dim, size);
    }
  }
  return bound;
}
