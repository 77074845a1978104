import type { DecoderSpec } from '../../models/index.ts';
import { askedRewrites } from '../rewrites.ts';
import { conversionPlan } from '../rules/plan.ts';
import { convertedSpec, isRmsNorm } from '../rules/spec.ts';
import { dtypeKeys } from '../write/config.ts';
import { openFolder } from './folder.ts';
import type { Format, FormatRequest } from './format.ts';
import { safetensorsOutput } from './safetensors.ts';

/** The source's own Hugging Face class, which transformers loads as before; the config says that the norms are RMSNorms. */
export const hf: Format<'hf'> = {
  id: 'hf',
  meaning: 'the source’s own class',
  targets: ['rmsnorm'],
  otherTargets: 'no Hugging Face class has a residual stream of hidden_size − 1',
  obstacle(request) {
    const reason = unfit(request);
    return reason === undefined ? undefined : `keeps the Hugging Face class of the source, ${reason}`;
  },
  plan: ({ model, target, rewrites }) => conversionPlan(model.spec, target, { ...rewrites, keepsNormKinds: true }),
  output: async (request) =>
    safetensorsOutput(request, {
      storage: request.model.family.storage(request.plan.spec),
      config({ model, target, rewrites, plan: { spec }, dtype }, { provenance, onlyDType }) {
        const wasRmsNorm = isRmsNorm(model.spec.norm);
        return {
          ...model.config,
          ...(model.spec.tiedHead && !spec.tiedHead ? { tie_word_embeddings: false } : {}),
          ...(dtype === 'source' ? {} : dtypeKeys(model.config, onlyDType)),
          // How the class runs otherwise than as a LayerNorm model.
          normlab: {
            ...(wasRmsNorm ? {} : { norm: 'rmsnorm' }),
            ...(askedRewrites(target, rewrites).qkNorms ? { qkNorm: 'rmsnorm' } : {}),
            ...(spec.recentreInput ? { recentreInput: true } : {}),
            ...provenance,
          },
        };
      },
    }),
  open: openFolder,
};

function unfit({ model: { family, spec }, target, rewrites }: FormatRequest): string | undefined {
  if (family.id === 'normlab') return 'and this one has none; use --format normlab';
  if (rewrites.fold !== true || target !== 'rmsnorm') return undefined;
  return hasNewBiases(spec, convertedSpec(spec, target, { ...rewrites, keepsNormKinds: true }))
    ? 'which has no place for the biases that linears get from folded norms; leave out --fold or use --format normlab'
    : undefined;
}

function hasNewBiases(before: DecoderSpec, after: DecoderSpec): boolean {
  return (
    before.attention.qkvBias !== after.attention.qkvBias ||
    before.mlp.bias !== after.mlp.bias ||
    before.headBias !== after.headBias
  );
}
