import { normKinds } from '../norms/index.ts';
import type { StudyResults } from './results.ts';

/** A norm's name in the catalogue; its id where it isn't in there. */
export function catalogueName(id: string): string {
  return normKinds.find((kind) => kind.id === id)?.name ?? id;
}

/** A norm's name as the results call it, or else the catalogue. */
export function normName(results: StudyResults, id: string): string {
  return results.training?.norms.find((norm) => norm.id === id)?.name ?? catalogueName(id);
}

const ranks: readonly string[] = ['layernorm', 'rmsnorm', 'crmsnorm'];

/** Compares ids so that LayerNorm comes first, its rewritten forms next, no normalization last, and others stay as they were. */
export function byRank(a: string, b: string): number {
  return rank(a) - rank(b);
}

function rank(id: string): number {
  if (id === 'none') return ranks.length + 1;
  const position = ranks.indexOf(id);
  return position >= 0 ? position : ranks.length;
}
