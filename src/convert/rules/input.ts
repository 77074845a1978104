import { type DecoderSpec, kindOf } from '../../models/index.ts';
import type { ConversionTarget } from '../options.ts';

/**
 * How what the first block reads loses its mean over the hidden dimension.
 *
 * `centred`: the embeddings are stored without it. `kept`: it has none. `fitted`: other embeddings, through the norm on
 * them with another weight and bias, give what is left without the mean. `tabulated`: the embeddings are stored as the norm
 * on them gives them, and it is left out. `subtracted`: by the decoder itself, whose `recentreInput` says so.
 */
export type InputMethod = 'centred' | 'kept' | 'fitted' | 'tabulated' | 'subtracted';

export function inputMethod(source: DecoderSpec, target: ConversionTarget): InputMethod {
  const { embeddingNorm, positions } = source;
  if (source.recentreInput) return 'subtracted';
  if (embeddingNorm === undefined) return positions.kind === 'sinusoidal' ? 'subtracted' : 'centred';
  const isOfTokensAlone =
    positions.kind !== 'learned' &&
    positions.kind !== 'sinusoidal' &&
    source.embeddingSize === undefined &&
    source.embeddingScale === undefined;
  const isLayerNorm = kindOf(embeddingNorm).id.startsWith('layernorm');
  if (target === 'crmsnorm') return isOfTokensAlone && isLayerNorm ? 'tabulated' : 'subtracted';
  if (embeddingNorm.kind === 'layernorm-nonparametric') return 'kept';
  const hasPlainWeight = embeddingNorm.kind === 'layernorm' || embeddingNorm.kind === 'layernorm-nobias';
  return isOfTokensAlone && hasPlainWeight && embeddingNorm.epsilon > 0 ? 'fitted' : 'subtracted';
}
