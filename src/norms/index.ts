export { normKind, normKinds } from './catalogue.ts';
export type {
  NormContext,
  NormCost,
  NormGradient,
  NormInvariances,
  NormKind,
  NormParameter,
} from './kind.ts';
export { initialValue } from './kind.ts';
