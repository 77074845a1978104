import { type DecoderSpec, kindOf, type NormSpec, rmsCounterpart } from '../../models/index.ts';
import type { ConversionTarget, RewriteOptions } from '../options.ts';
import { inputMethod } from './input.ts';

export interface SpecOptions extends RewriteOptions {
  /** Norms whose parameters are folded keep their kinds, with parameters that do nothing. */
  readonly keepsNormKinds?: boolean | undefined;
}

/**
 * The RMSNorm that a LayerNorm becomes, with the same parameters and epsilon; undefined for any other norm.
 */
export function recentredNorm(norm: NormSpec): NormSpec | undefined {
  const kind = rmsCounterpart(norm.kind);
  return kind === undefined ? undefined : { kind, epsilon: norm.epsilon };
}

/** Whether a norm is an RMSNorm that takes the whole row into account. */
export function isRmsNorm(norm: NormSpec): boolean {
  return norm.kind.startsWith('rmsnorm');
}

/** Whether a norm has a parameter of that name. */
export function hasParameter(norm: NormSpec, name: 'weight' | 'bias'): boolean {
  return kindOf(norm).parameters.some((parameter) => parameter.name === name);
}

/**
 * The decoder that a Pre-LN decoder becomes, or one with RMSNorms whose weights are folded. Throws a RangeError for other
 * norms: check before.
 */
export function convertedSpec(source: DecoderSpec, target: ConversionTarget, options: SpecOptions = {}): DecoderSpec {
  const { recentreInput: _, embeddingNorm, ...rest } = source;
  const method = isRmsNorm(source.norm) ? 'kept' : inputMethod(source, target);
  const isSubtracted = method === 'subtracted' || source.recentreInput === true;
  const spec: DecoderSpec = {
    ...rest,
    ...(embeddingNorm === undefined || method === 'tabulated' ? {} : { embeddingNorm }),
    ...(isSubtracted ? { recentreInput: true } : {}),
    attention: options.qkNorms ? withQkRmsNorm(source.attention) : source.attention,
  };
  const norm = rmsNormOf(source.norm);
  const finalNorm = source.finalNorm === null ? null : rmsNormOf(source.finalNorm);
  switch (target) {
    case 'rmsnorm': {
      const keepsHead = method === 'kept' || method === 'subtracted' || source.embeddingSize !== undefined;
      // The head sees what has mean zero only where nothing comes after the division, and then any mean of its rows is lost.
      const losesMean = method === 'centred' && finalNorm !== null && kindOf(finalNorm).parameters.length === 0;
      const recentred = { ...spec, norm, finalNorm, tiedHead: source.tiedHead && (keepsHead || losesMean) };
      return options.fold ? foldedSpec(recentred, options) : recentred;
    }
    case 'crmsnorm':
      return {
        ...withFoldedBiases(spec, norm, finalNorm),
        streamSize: source.hiddenSize - 1,
        norm: { kind: 'crmsnorm', epsilon: norm.epsilon },
        finalNorm: finalNorm === null ? null : { kind: 'crmsnorm', epsilon: finalNorm.epsilon },
        tiedHead: source.tiedHead && source.embeddingSize !== undefined,
      };
  }
}

function rmsNormOf(norm: NormSpec): NormSpec {
  const result = isRmsNorm(norm) ? norm : recentredNorm(norm);
  if (result === undefined) throw new RangeError(`convert: ${norm.kind} becomes no RMSNorm`);
  return result;
}

function withQkRmsNorm(attention: DecoderSpec['attention']): DecoderSpec['attention'] {
  const { qkNorm } = attention;
  const norm = qkNorm === null ? undefined : recentredNorm(qkNorm.norm);
  return qkNorm === null || norm === undefined ? attention : { ...attention, qkNorm: { ...qkNorm, norm } };
}

/** A decoder with RMSNorms whose weights and biases are in the linears that read through them. */
function foldedSpec(spec: DecoderSpec, { keepsNormKinds = false }: SpecOptions): DecoderSpec {
  const { norm, finalNorm, placement } = spec;
  const bare = (part: NormSpec): NormSpec => ({ ...part, kind: 'rmsnorm-nonparametric' });
  const hasBefore = placement === 'pre' || placement === 'peri';
  const headHasNorm = finalNorm !== null && kindOf(finalNorm).parameters.length > 0;
  const headIsFolded = headHasNorm && spec.embeddingSize === undefined;
  return {
    ...withFoldedBiases(spec, hasBefore ? norm : bare(norm), finalNorm),
    // The norms on the branches' outputs, which stay, are of the same kind as those on their inputs.
    norm: placement === 'pre' && !keepsNormKinds ? bare(norm) : norm,
    finalNorm: finalNorm === null || keepsNormKinds ? finalNorm : bare(finalNorm),
    tiedHead: spec.tiedHead && !headIsFolded,
  };
}

function withFoldedBiases(spec: DecoderSpec, norm: NormSpec, finalNorm: NormSpec | null): DecoderSpec {
  const bringsBias = hasParameter(norm, 'bias');
  return {
    ...spec,
    attention: { ...spec.attention, qkvBias: spec.attention.qkvBias || bringsBias },
    mlp: { ...spec.mlp, bias: spec.mlp.bias || bringsBias },
    headBias: spec.headBias || (finalNorm !== null && hasParameter(finalNorm, 'bias')),
  };
}

/** The decoder with a head of its own; where the source ties it, `head.weight` is the token embedding. */
export function untied(spec: DecoderSpec): DecoderSpec {
  return { ...spec, tiedHead: false };
}
