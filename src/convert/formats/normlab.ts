import { canonicalStorage, normlabConfig } from '../../models/index.ts';
import { conversionPlan } from '../rules/plan.ts';
import { copiedKeys, tokenIdKeys } from '../write/config.ts';
import { openFolder } from './folder.ts';
import type { Format } from './format.ts';
import { safetensorsOutput } from './safetensors.ts';

/** normlab's own format: the spec in the config, tensors by canonical names. It holds whatever can be converted. */
export const normlab: Format<'normlab'> = {
  id: 'normlab',
  meaning: 'explicitly',
  targets: ['rmsnorm', 'crmsnorm'],
  otherTargets: 'it holds them all',
  obstacle: () => undefined,
  plan({ model, target, rewrites }) {
    const plan = conversionPlan(model.spec, target, rewrites);
    return { ...plan, spec: { ...plan.spec, family: 'normlab' } };
  },
  output: async (request) =>
    safetensorsOutput(request, {
      storage: canonicalStorage(request.plan.spec),
      config: ({ model, plan }, { provenance }) =>
        normlabConfig(plan.spec, { normlab: provenance, ...copiedKeys(model.config, tokenIdKeys) }),
    }),
  open: openFolder,
};
