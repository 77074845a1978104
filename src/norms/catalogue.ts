import { closest } from 'fastest-levenshtein';
import { InputError } from '../core/errors.ts';
import { crmsnorm } from './crmsnorm.ts';
import { dyt } from './dyt.ts';
import type { NormKind } from './kind.ts';
import { layernorm, layernorm1p, layernormNobias, layernormNonparametric } from './layernorm.ts';
import { none } from './none.ts';
import { prmsnorm } from './prmsnorm.ts';
import { rmsnorm, rmsnorm1p, rmsnormBias, rmsnormGemma, rmsnormNonparametric } from './rmsnorm.ts';
import { scalenorm } from './scalenorm.ts';

/** Every norm that normlab knows. Tests, benchmarks and tables are made from this list. */
export const normKinds: readonly NormKind[] = [
  layernorm,
  layernormNobias,
  layernormNonparametric,
  layernorm1p,
  rmsnorm,
  rmsnormBias,
  rmsnorm1p,
  rmsnormNonparametric,
  rmsnormGemma,
  prmsnorm,
  crmsnorm,
  scalenorm,
  dyt,
  none,
];

/** The norm of that id. Throws InputError with the nearest id and the list of all when there is none. */
export function normKind(id: string): NormKind {
  const found = normKinds.find((kind) => kind.id === id);
  if (found) return found;
  const ids = normKinds.map((kind) => kind.id);
  const nearest = closest(id.toLowerCase(), ids);
  throw new InputError(`norms: there is no norm "${id}". Did you mean ${nearest}? Known: ${ids.join(', ')}.`);
}
