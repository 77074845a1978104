import { join } from 'node:path';
import { type GgufMetadata, replaceGgufText } from '../../../checkpoint/index.ts';
import { RefusalError } from '../../../core/errors.ts';
import { fitGguf, type GgufArchitecture, ggufContext, openGgufModel } from '../../../models/index.ts';
import { storedParameters } from '../../rules/apply.ts';
import { ggufPlan } from '../../rules/gguf.ts';
import { conversionPlan } from '../../rules/plan.ts';
import { isRmsNorm } from '../../rules/spec.ts';
import { copyCompanions } from '../../write/companions.ts';
import { provenanceKeys } from '../../write/config.ts';
import type { Format, OutputRequest } from '../format.ts';
import { hf } from '../hf.ts';
import { ggufFileName } from './tensors.ts';
import { ggufOutput } from './write.ts';

const sourceKey = 'normlab.source';
/** Stands where the source's hash goes, which is known once all of it is read. */
const unknownHash = '0'.repeat(64);

/**
 * A file of llama.cpp's: of its Llama, which has RMSNorms, where that computes the result, else of one of its LayerNorm
 * architectures.
 */
export const gguf: Format<'gguf'> = {
  id: 'gguf',
  meaning: 'for llama.cpp',
  targets: ['rmsnorm'],
  otherTargets: 'no architecture of llama.cpp has a residual stream of hidden_size − 1',
  obstacle: ({ dtype }) =>
    dtype === 'float64' ? 'has no float64, which llama.cpp does not compute with; use --dtype float32' : undefined,
  plan(request) {
    const { model, target, rewrites } = request;
    const plan = conversionPlan(model.spec, target, rewrites);
    const origin = { isCentred: !isRmsNorm(model.spec.norm) };
    const fit = fitGguf(plan.spec, origin);
    if (fit.fits) return ggufPlan(plan, fit.spec);
    const fitsUnfolded =
      rewrites.fold && fitGguf(conversionPlan(model.spec, target, { ...rewrites, fold: false }).spec, origin).fits;
    const others = hf.obstacle({ ...request, dtype: 'source' }) === undefined ? 'hf or normlab' : 'normlab';
    throw new RefusalError(
      `${model.folder}: format gguf: llama.cpp computes no such decoder: the nearest of its architectures, ${fit.reason}; ${fitsUnfolded ? 'leave out --fold or ' : ''}use --format ${others}`,
    );
  },
  async output(request) {
    const { architecture, tensors, notes, write } = await ggufOutput(request, provenance(request));
    return {
      tensors,
      writeWeights: (folder, options) => write(join(folder, ggufFileName), options),
      async writeRest(folder, source) {
        await replaceGgufText(join(folder, ggufFileName), sourceKey, source.sha256);
        const copied = await copyCompanions(request.model.folder, folder);
        return { copied, notes: [...runtimeNotes(architecture, request), ...notes] };
      },
    };
  },
  async open(folder) {
    const { spec, storage, reader } = await openGgufModel(join(folder, ggufFileName));
    return { spec, parameters: storedParameters(reader, storage), close: reader.close };
  },
};

function provenance(request: OutputRequest): GgufMetadata {
  const { converted, folded, version } = provenanceKeys(request, unknownHash);
  return {
    ...(typeof converted === 'string' ? { 'normlab.converted': { type: 'string', value: converted } } : {}),
    ...(folded === true ? { 'normlab.folded': { type: 'bool', value: true } } : {}),
    [sourceKey]: { type: 'string', value: unknownHash },
    'normlab.version': { type: 'string', value: String(version) },
  };
}

/** What llama.cpp does otherwise than the certificate's arithmetic, and what it need not be told. */
function runtimeNotes(
  { id, norm, activations }: GgufArchitecture,
  { plan: { spec } }: OutputRequest,
): readonly string[] {
  return [
    ...(norm === 'layernorm'
      ? [`llama.cpp’s ${id} runs it with LayerNorms, which are RMSNorms on what has mean 0.`]
      : []),
    ...(spec.mlp.activation === 'gelu' && activations[0] === 'gelu_tanh'
      ? ['llama.cpp computes gelu in its tanh form, for this file as for any other of this model.']
      : []),
    ...(spec.attention.windows === undefined
      ? []
      : [
          `llama.cpp’s ${id} has no windows: the context ends after ${ggufContext(spec)} tokens, the smallest of them.`,
        ]),
  ];
}
