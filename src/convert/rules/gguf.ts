import {
  type DecoderSpec,
  decoderParameters,
  kindOf,
  type ParameterDeclaration,
  rotatedSize,
} from '../../models/index.ts';
import { headsOf } from './heads.ts';
import type { RotatedPairs } from './orderHeads.ts';
import type { ConversionPlan, TensorRule } from './plan.ts';
import type { Step } from './steps.ts';

/**
 * The plan for a decoder as an architecture of llama.cpp has it: `spec` is what `fitGguf` made of the plan's own. Parameters
 * that it has besides do nothing; rows are ordered as it takes them.
 */
export function ggufPlan(plan: ConversionPlan, spec: DecoderSpec): ConversionPlan {
  const known = new Map(plan.rules.map((rule) => [rule.name, rule]));
  const rules = decoderParameters(spec).map((parameter): TensorRule => {
    const rule = known.get(parameter.name) ?? added(parameter);
    return { ...rule, shape: parameter.shape, steps: [...rule.steps, ...layoutSteps(parameter, plan.spec, spec)] };
  });
  return { ...plan, spec, rules };
}

/** A parameter that the plan doesn't have: a head beside a tied one is the embedding, the rest is there to do nothing. */
function added({ name, shape, part }: ParameterDeclaration): TensorRule {
  if (name === 'head.weight') return { name, shape, from: 'source', steps: [] };
  return { name, shape, from: part.type === 'norm' && name.endsWith('.weight') ? 1 : 0, steps: [] };
}

function layoutSteps({ name, part }: ParameterDeclaration, before: DecoderSpec, after: DecoderSpec): readonly Step[] {
  const { positions, embeddingScale, logitScale } = before;
  if (name === 'embedding.token.weight' && embeddingScale !== undefined) return [{ kind: 'scale', by: embeddingScale }];
  if (name.startsWith('head.') && logitScale !== undefined) return [{ kind: 'scale', by: logitScale }];
  if (name === 'embedding.position.weight' && positions.kind === 'learned' && positions.offset !== undefined) {
    return [{ kind: 'dropFirstRows', count: positions.offset }];
  }
  if (part.type === 'norm' && name.endsWith('.weight') && part.on === 'stream') {
    // Where nothing else has changed the norm: LayerNorm1P's weight is stored as γ − 1.
    const offset = kindOf(before.norm).weightOffset - kindOf(after.norm).weightOffset;
    return offset === 0 ? [] : [{ kind: 'addConstant', value: offset }];
  }
  return headSteps(name, before, after);
}

function headSteps(name: string, before: DecoderSpec, after: DecoderSpec): readonly Step[] {
  const { headSize } = before.attention;
  if (/\.attention\.(query|key)_norm\./.test(name)) {
    const pairs = pairsBetween(before, after, 1);
    return pairs === undefined ? [] : [{ kind: 'orderHeads', axis: 'columns', headSize, heads: [0], pairs }];
  }
  const [, place, kind] = /\.attention\.(query|key|qkv)\.(weight|bias)$/.exec(name) ?? [];
  if (place === undefined) return [];
  const { queries, keys, values } = headsOf(before.attention);
  const heads = place === 'query' ? queries : place === 'key' ? keys : [...queries, ...keys, ...values];
  const pairs = pairsBetween(before, after, place === 'qkv' ? queries.length + keys.length : heads.length);
  if (pairs === undefined && heads.every((head, i) => head === i)) return [];
  return [{ kind: 'orderHeads', axis: kind === 'weight' ? 'rows' : 'columns', headSize, heads, pairs }];
}

function pairsBetween(before: DecoderSpec, after: DecoderSpec, heads: number): RotatedPairs | undefined {
  if (before.positions.kind !== 'rotary' || after.positions.kind !== 'rotary') return undefined;
  const to = after.positions.interleaved ? 'neighbours' : 'halves';
  if ((before.positions.interleaved ? 'neighbours' : 'halves') === to) return undefined;
  return { to, size: rotatedSize(before), heads };
}
