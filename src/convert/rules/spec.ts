import { type DecoderSpec, kindOf, type NormSpec, rmsCounterpart } from '../../models/index.ts';
import type { ConversionTarget } from '../options.ts';

/**
 * The RMSNorm that a LayerNorm becomes, with the same epsilon; undefined for any other norm.
 *
 * A weight that is stored as γ − 1 (LayerNorm1P) becomes γ.
 */
export function recentredNorm(norm: NormSpec): NormSpec | undefined {
  const kind = norm.kind === 'layernorm1p' ? 'rmsnorm-bias' : rmsCounterpart(norm.kind);
  return kind === undefined ? undefined : { kind, epsilon: norm.epsilon };
}

/** Whether a norm has a parameter of that name. */
export function hasParameter(norm: NormSpec, name: 'weight' | 'bias'): boolean {
  return kindOf(norm).parameters.some((parameter) => parameter.name === name);
}

/** The decoder that a Pre-LN decoder becomes. Throws a RangeError for norms that are no LayerNorm: check before. */
export function convertedSpec(source: DecoderSpec, target: ConversionTarget): DecoderSpec {
  const norm = recentredNorm(source.norm);
  const finalNorm = source.finalNorm === null ? undefined : recentredNorm(source.finalNorm);
  if (norm === undefined || finalNorm === undefined) {
    throw new RangeError(`convert: ${source.norm.kind} with a final ${source.finalNorm?.kind ?? 'none'} is no Pre-LN`);
  }
  switch (target) {
    case 'rmsnorm':
      // The head sees what has mean zero only where nothing comes after the division, and then any mean of its rows is lost.
      return { ...source, norm, finalNorm, tiedHead: source.tiedHead && kindOf(finalNorm).parameters.length === 0 };
    case 'crmsnorm':
      return {
        ...source,
        streamSize: source.hiddenSize - 1,
        norm: { kind: 'crmsnorm', epsilon: norm.epsilon },
        finalNorm: { kind: 'crmsnorm', epsilon: finalNorm.epsilon },
        attention: { ...source.attention, qkvBias: source.attention.qkvBias || hasParameter(norm, 'bias') },
        mlp: { ...source.mlp, bias: source.mlp.bias || hasParameter(norm, 'bias') },
        tiedHead: false,
        headBias: source.headBias || hasParameter(finalNorm, 'bias'),
      };
  }
}

/** The decoder with a head of its own; where the source ties it, `head.weight` is the token embedding. */
export function untied(spec: DecoderSpec): DecoderSpec {
  return { ...spec, tiedHead: false };
}
