import type { DecoderVariant } from '../../bench/index.ts';
import { type ConversionVerdict, convertedSpec } from '../../convert/index.ts';
import { type DecoderSpec, type NormSpec, rmsCounterpart } from '../../models/index.ts';
import { normKinds } from '../../norms/index.ts';

/** A decoder that is timed beside a model, or the model itself. */
export interface ModelVariant {
  readonly id: string;
  readonly name: string;
  readonly spec: DecoderSpec;
  /** Whether it computes what the model computes. */
  readonly sameFunction: boolean;
  /** Whether it is timed with its norms in plain operations too. */
  readonly isPlainToo: boolean;
}

/**
 * What is timed of a model, itself first: what it converts to, or where it doesn't, the same sizes with RMSNorms for
 * LayerNorms or the other way round; and the model without norms on its stream. Norms on queries and keys stay.
 */
export function modelVariants(
  spec: DecoderSpec,
  verdicts: readonly ConversionVerdict[],
): readonly [ModelVariant, ...ModelVariant[]] {
  const own: ModelVariant = { ...named(spec.norm.kind, spec), sameFunction: true, isPlainToo: true };
  const none: ModelVariant = {
    id: 'none',
    name: 'no norms',
    spec: withoutNorms(spec),
    sameFunction: false,
    isPlainToo: true,
  };
  const converted = verdicts.flatMap(({ outcome, target }) =>
    outcome === 'converts' ? convertedVariants(spec, target) : [],
  );
  const others = converted.length > 0 ? converted : swapped(spec);
  return [own, ...others.filter(({ id }) => id !== own.id), none];
}

function convertedVariants(spec: DecoderSpec, target: 'rmsnorm' | 'crmsnorm'): readonly ModelVariant[] {
  const result = convertedSpec(spec, target);
  const same = { sameFunction: true, isPlainToo: true };
  if (target === 'crmsnorm') return [{ id: 'crmsnorm', name: 'CRMSNorm', spec: result, ...same }];
  const folded = convertedSpec(spec, target, { fold: true });
  return [
    { id: 'rmsnorm', name: 'RMSNorm', spec: result, ...same },
    ...(folded.norm.kind === result.norm.kind
      ? []
      : [{ id: 'rmsnorm-folded', name: 'RMSNorm, folded', spec: folded, sameFunction: true, isPlainToo: false }]),
  ];
}

/** The same sizes with the other kind of norm, which no conversion gives; none where there is no counterpart. */
function swapped(spec: DecoderSpec): readonly ModelVariant[] {
  const swap = (norm: NormSpec): NormSpec | undefined => {
    const kind = rmsCounterpart(norm.kind) ?? layerNormOf(norm.kind);
    return kind === undefined ? undefined : { ...norm, kind };
  };
  const norm = swap(spec.norm);
  if (norm === undefined) return [];
  const finalNorm = spec.finalNorm === null ? null : (swap(spec.finalNorm) ?? spec.finalNorm);
  return [{ ...named(norm.kind, { ...spec, norm, finalNorm }), sameFunction: false, isPlainToo: true }];
}

/** The LayerNorm that has an RMSNorm's parameters. */
function layerNormOf(kind: string): string | undefined {
  if (kind === 'rmsnorm-gemma') return layerNormOf('rmsnorm');
  return normKinds.find(({ id }) => rmsCounterpart(id) === kind)?.id;
}

function named(kind: string, spec: DecoderSpec): Pick<ModelVariant, 'id' | 'name' | 'spec'> {
  const family = ['layernorm', 'crmsnorm', 'rmsnorm'].find((prefix) => kind.startsWith(prefix)) ?? kind;
  const names: Readonly<Record<string, string>> = { layernorm: 'LayerNorm', crmsnorm: 'CRMSNorm', rmsnorm: 'RMSNorm' };
  return { id: family, name: names[family] ?? normKinds.find(({ id }) => id === kind)?.name ?? kind, spec };
}

function withoutNorms({ embeddingNorm: _, ...spec }: DecoderSpec): DecoderSpec {
  return { ...spec, norm: { ...spec.norm, kind: 'none' }, finalNorm: null };
}

const plainSuffix = ', plain';

/** The variants as the benchmark takes them. */
export function timedVariants(
  variants: readonly [ModelVariant, ...ModelVariant[]],
): readonly [DecoderVariant, ...DecoderVariant[]] {
  const [own, ...others] = variants.map(({ id, spec }) => ({ name: id, spec }));
  const plain = variants
    .filter(({ id, isPlainToo }) => isPlainToo && id !== 'none')
    .map(({ id, spec }) => ({ name: id + plainSuffix, spec, plainNorms: true }));
  if (own === undefined) throw new Error('study: a model has a variant at least');
  return [own, ...others, ...plain];
}

/** What a comparison of timed variants says: which variant, its norms written how. */
export interface TimedComparison {
  readonly id: string;
  readonly norms: 'kernels' | 'plain';
  /** The names under which the two were timed. Without norms there is nothing to write in plain operations. */
  readonly variant: string;
  readonly relativeTo: string;
}

/** Every variant against the model as it is, by kernels, and in plain operations. */
export function comparisons(variants: readonly [ModelVariant, ...ModelVariant[]]): readonly TimedComparison[] {
  const [own] = variants;
  return (['kernels', 'plain'] as const).flatMap((norms) => {
    const name = (id: string) => (norms === 'kernels' || id === 'none' ? id : id + plainSuffix);
    return variants
      .filter(({ isPlainToo }) => norms === 'kernels' || isPlainToo)
      .map(({ id }) => ({ id, norms, variant: name(id), relativeTo: name(own.id) }));
  });
}
