import type { DecoderSpec, NormSpec } from '../spec.ts';
import type { ConfigReader } from './config.ts';

const counterparts: Readonly<Record<string, string>> = {
  layernorm: 'rmsnorm-bias',
  'layernorm-nobias': 'rmsnorm',
  'layernorm-nonparametric': 'rmsnorm-nonparametric',
  layernorm1p: 'rmsnorm1p',
};

/** The RMSNorm that equals a LayerNorm on zero-mean input, by the kinds' ids; undefined where there is none. */
export function rmsCounterpart(kind: string): string | undefined {
  return counterparts[kind];
}

/**
 * The norm with which a model of a LayerNorm architecture runs: the architecture's own, or its RMSNorm counterpart where
 * a conversion has written the key `normlab: {"norm": "rmsnorm"}`.
 */
export function runNorm(
  config: ConfigReader,
  norm: NormSpec,
  { hasQkNorms = false }: { readonly hasQkNorms?: boolean } = {},
): NormSpec {
  const key = config.optionalObject('normlab');
  key?.unsupported('recentreInput', 'the embeddings of this architecture can be stored centred', [false]);
  if (!hasQkNorms) refuseQkNorms(config);
  return counterpartNorm(config, norm);
}

/**
 * As `runNorm`, for an architecture that leaves embeddings no place to be stored centred in: there a conversion writes
 * `normlab: {"norm": "rmsnorm", "recentreInput": true}`.
 */
export function runRecentred(
  config: ConfigReader,
  norm: NormSpec,
): { readonly norm: NormSpec; readonly input: Pick<DecoderSpec, 'recentreInput'> } {
  refuseQkNorms(config);
  const isRecentred = config.optionalObject('normlab')?.flag('recentreInput', false) ?? false;
  return { norm: counterpartNorm(config, norm), input: isRecentred ? { recentreInput: true } : {} };
}

/** The norm on queries and keys: the architecture's own, or its RMSNorm counterpart where a conversion says `qkNorm`. */
export function runQkNorm(config: ConfigReader, norm: NormSpec): NormSpec {
  const key = config.optionalObject('normlab');
  const counterpart = rmsCounterpart(norm.kind);
  if (counterpart === undefined || !key?.has('qkNorm')) return norm;
  return { ...norm, kind: key.choice('qkNorm', { rmsnorm: counterpart }) };
}

function refuseQkNorms(config: ConfigReader): void {
  config.optionalObject('normlab')?.unsupported('qkNorm', 'there are no LayerNorms on queries and keys');
}

function counterpartNorm(config: ConfigReader, norm: NormSpec): NormSpec {
  const key = config.optionalObject('normlab');
  const counterpart = rmsCounterpart(norm.kind);
  if (key === null || counterpart === undefined) return norm;
  return { ...norm, kind: key.choice('norm', { rmsnorm: counterpart }) };
}
