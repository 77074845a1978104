import { RefusalError } from '../../core/errors.ts';
import type { DecoderSpec } from '../../models/index.ts';
import { decoderParameters, extrasOf } from '../../models/index.ts';
import type { ConversionPlan } from './plan.ts';

/**
 * The plan for a Pre-RMSNorm decoder stored as Llama: norms without a weight get one of ones.
 *
 * Throws RefusalError, which begins with `where`, for whatever Llama has no key for.
 */
export function llamaPlan(plan: ConversionPlan, where: string): ConversionPlan {
  const reason = unfitForLlama(plan.spec);
  if (reason !== undefined) {
    throw new RefusalError(`${where}: format llama: ${reason}; use --format hf or normlab`);
  }
  const norm = { ...plan.spec.norm, kind: 'rmsnorm' };
  const spec: DecoderSpec = { ...plan.spec, family: 'llama', norm, finalNorm: norm };
  const known = new Map(plan.rules.map((rule) => [rule.name, rule]));
  const rules = decoderParameters(spec).map(
    ({ name, shape }) => known.get(name) ?? { name, shape, from: 1, steps: [] },
  );
  return { ...plan, spec, rules };
}

/** Why a decoder with RMSNorms is not a Llama, naming what stands in the way; undefined where it is one. */
function unfitForLlama(spec: DecoderSpec): string | undefined {
  const { attention, mlp, norm, finalNorm } = spec;
  const scale = 1 / Math.sqrt(attention.headSize);
  if (spec.placement !== 'pre') return `placement is ${spec.placement}, Llama’s norms stand before branches alone`;
  if (norm.kind === 'rmsnorm-bias' || finalNorm?.kind === 'rmsnorm-bias') {
    return 'the norms have biases, Llama’s RMSNorm has none';
  }
  if (finalNorm?.epsilon !== norm.epsilon) return 'the final norm has another epsilon, Llama has one rms_norm_eps';
  if (spec.positions.kind !== 'rotary') return `its positions are ${spec.positions.kind}, Llama’s are rotary`;
  if (attention.clip !== null) {
    return `clip_qkv is ${attention.clip}, and Llama has no key that cuts queries, keys and values`;
  }
  if (attention.qkNorm !== null) return 'queries and keys are normalized, Llama’s are not';
  if (attention.projection !== 'separate') return 'queries, keys and values are one linear, Llama’s are three';
  if (attention.qkvBias !== attention.outputBias) return 'attention_bias covers all four linears of attention in Llama';
  if (attention.scales.some((value) => Math.abs(value - scale) > 1e-12 * scale)) {
    return 'attention scores are not scaled by 1/√head_dim';
  }
  if (mlp.kind !== 'gated' || mlp.activation !== 'silu') {
    return `the MLP is ${mlp.kind} with ${mlp.activation}, Llama’s is gated with silu`;
  }
  if (spec.headBias) return 'the head has a bias, Llama’s has none';
  const [extra] = extrasOf(spec);
  if (extra !== undefined) return `Llama has no place for ${extra}`;
  return undefined;
}
