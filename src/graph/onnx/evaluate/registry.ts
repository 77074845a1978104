import type { OpEvaluation } from './context.ts';
import { activations, microsoftActivations } from './ops/activations.ts';
import { attentions } from './ops/attention.ts';
import { controls } from './ops/control.ts';
import { convolutions } from './ops/convolution.ts';
import { creations } from './ops/creation.ts';
import { einsums } from './ops/einsum.ts';
import { elementwise } from './ops/elementwise.ts';
import { gathers } from './ops/gather.ts';
import { layouts } from './ops/layout.ts';
import { microsoftNorms, norms } from './ops/norms.ts';
import { pools } from './ops/pool.ts';
import { microsoftProducts, products } from './ops/product.ts';
import { reductions } from './ops/reduce.ts';
import { resizes } from './ops/resize.ts';
import { scatters } from './ops/scatter.ts';
import { searches } from './ops/search.ts';
import { selections } from './ops/selection.ts';
import { softmaxes } from './ops/softmax.ts';
import { batchNorms } from './ops/statistics-norms.ts';

/** Before it, operators broadcast along an attribute's axis. */
export const oldestOpset = 7;

/** One evaluation for each operator, by domain and type. */
export const evaluations: Readonly<Record<string, Readonly<Record<string, OpEvaluation>>>> = {
  '': {
    ...activations,
    ...attentions,
    ...batchNorms,
    ...controls,
    ...convolutions,
    ...creations,
    ...einsums,
    ...elementwise,
    ...gathers,
    ...layouts,
    ...norms,
    ...pools,
    ...products,
    ...reductions,
    ...resizes,
    ...scatters,
    ...searches,
    ...selections,
    ...softmaxes,
  },
  'com.microsoft': { ...microsoftActivations, ...microsoftNorms, ...microsoftProducts },
};

export function evaluationOf(domain: string, opType: string): OpEvaluation | undefined {
  const ofDomain = Object.hasOwn(evaluations, domain) ? evaluations[domain] : undefined;
  return ofDomain !== undefined && Object.hasOwn(ofDomain, opType) ? ofDomain[opType] : undefined;
}
