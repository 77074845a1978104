import type { GraphIndex } from '../graph.ts';
import { decomposedNorms } from './decomposed.ts';
import { fusedNorms } from './fused.ts';
import { isFound, type NormSearch } from './norm.ts';

export { type FoundNorm, type FusedNorm, type HopelessNorm, isFound, type NormSearch, skipSum } from './norm.ts';

/** The LayerNorms of a graph in the order of its nodes, and explicit subtractions of a mean, which go where they can. */
export function findNorms(index: GraphIndex): readonly NormSearch[] {
  const found = [...fusedNorms(index), ...decomposedNorms(index)];
  const place = (norm: NormSearch) => (isFound(norm) ? (norm.readers[0] ?? 0) : -1);
  return found.sort((a, b) => place(a) - place(b));
}
