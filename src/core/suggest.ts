import { closest, distance } from 'fastest-levenshtein';

/**
 * The candidate that `name` was probably meant to be, by edit distance and upper or lower case aside; undefined where
 * none is within a third of the name's length.
 */
export function suggestNearest(name: string, candidates: Iterable<string>): string | undefined {
  const byLowerCase = new Map(Array.from(candidates, (candidate) => [candidate.toLowerCase(), candidate]));
  if (byLowerCase.size === 0) return undefined;
  const wanted = name.toLowerCase();
  const nearest = closest(wanted, [...byLowerCase.keys()]);
  return distance(wanted, nearest) <= Math.max(1, name.length / 3) ? byLowerCase.get(nearest) : undefined;
}

/** ` (did you mean "…"?)` for the end of a message about an unknown name, or nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const nearest = suggestNearest(name, candidates);
  return nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
}
