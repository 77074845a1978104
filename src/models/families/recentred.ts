import type { NormSpec } from '../spec.ts';
import type { ConfigReader } from './config.ts';

const counterparts: Readonly<Record<string, string>> = {
  layernorm: 'rmsnorm-bias',
  'layernorm-nobias': 'rmsnorm',
  'layernorm-nonparametric': 'rmsnorm-nonparametric',
};

/** The RMSNorm that equals a LayerNorm on zero-mean input, by the kinds' ids; undefined where there is none. */
export function rmsCounterpart(kind: string): string | undefined {
  return counterparts[kind];
}

/**
 * The norm with which a model of a LayerNorm architecture runs: the architecture's own, or its RMSNorm counterpart where
 * a conversion has written the key `normlab: {"norm": "rmsnorm"}`.
 */
export function runNorm(config: ConfigReader, norm: NormSpec): NormSpec {
  const key = config.optionalObject('normlab');
  if (key === null) return norm;
  key.unsupported('recentreInput', 'the embeddings of this architecture can be stored centred', [false]);
  const counterpart = rmsCounterpart(norm.kind);
  if (counterpart === undefined) {
    key.unsupported('norm', `no RMSNorm has weights as ${norm.kind} stores them`);
    return norm;
  }
  return { ...norm, kind: key.choice('norm', { rmsnorm: counterpart }) };
}
