import type { StudyResults } from './results.ts';

const commonNames: Readonly<Record<string, string>> = {
  layernorm: 'LayerNorm',
  rmsnorm: 'RMSNorm',
  crmsnorm: 'CRMSNorm',
  none: 'no norm',
};

/** A norm's name as the results call it; its id where they don't. */
export function normName(results: StudyResults, id: string): string {
  return results.training?.norms.find((norm) => norm.id === id)?.name ?? commonNames[id] ?? id;
}
