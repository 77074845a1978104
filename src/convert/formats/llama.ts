import { familyOf } from '../../models/index.ts';
import { llamaPlan } from '../rules/llama.ts';
import { conversionPlan } from '../rules/plan.ts';
import { llamaConfig } from '../write/config.ts';
import { openFolder } from './folder.ts';
import type { Format } from './format.ts';
import { safetensorsOutput } from './safetensors.ts';

/** Hugging Face's Llama, which runs with fast RMSNorms everywhere. */
export const llama: Format<'llama'> = {
  id: 'llama',
  meaning: 'as Llama',
  targets: ['rmsnorm'],
  otherTargets: 'no Hugging Face class has a residual stream of hidden_size − 1',
  obstacle: () => undefined,
  plan: ({ model, target, rewrites }) => llamaPlan(conversionPlan(model.spec, target, rewrites), model.folder),
  output: async (request) =>
    safetensorsOutput(request, {
      storage: familyOf({ model_type: 'llama' }).storage(request.plan.spec),
      config: ({ model, plan }, { provenance, onlyDType }) => ({
        ...llamaConfig(model, plan.spec, onlyDType),
        normlab: provenance,
      }),
    }),
  open: openFolder,
};
