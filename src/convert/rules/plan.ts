import {
  type DecoderSpec,
  decoderParameters,
  decoderParts,
  kindOf,
  type LinearPart,
  type NormPart,
  type ParameterDeclaration,
} from '../../models/index.ts';
import type { ConversionTarget } from '../options.ts';
import { convertedSpec, hasParameter, untied } from './spec.ts';
import type { Step } from './steps.ts';

/** How one parameter of the converted decoder is made. */
export interface TensorRule {
  /** Its canonical name. */
  readonly name: string;
  /** Its canonical shape in the converted decoder. */
  readonly shape: readonly number[];
  /** The parameter of the same name in the source, or a number that fills `shape`, before any step. */
  readonly from: 'source' | number;
  /** Nothing, where it is copied. */
  readonly steps: readonly Step[];
  /** The sums that rounding must keep: minus them is the coordinate that is not stored. */
  readonly keepSums?: 'ofRows' | 'ofColumns';
}

/** A conversion as data: what `certify` checks and what is written. */
export interface ConversionPlan {
  /** The source with a head of its own. */
  readonly source: DecoderSpec;
  readonly spec: DecoderSpec;
  /** In the order of `decoderParameters(spec)`. */
  readonly rules: readonly TensorRule[];
}

/**
 * The rules that turn a Pre-LN decoder into a Pre-RMSNorm or Pre-CRMSNorm one with the same function.
 *
 * `rmsnorm`: embeddings and whatever writes to the stream lose their mean over the hidden dimension, so that every
 * LayerNorm sees zero-mean input. `crmsnorm`: also, the norms' weights and biases go into the linears that read through
 * them, and the last coordinate of the stream, minus the sum of the others, is dropped. [Pre-RMSNorm §3.1, §3.2]
 */
export function conversionPlan(source: DecoderSpec, target: ConversionTarget): ConversionPlan {
  const spec = convertedSpec(source, target);
  const context = contextOf(untied(source), target);
  const rules = decoderParameters(spec).map((declaration) => withSums(ruleOf(declaration, context)));
  return { source: untied(source), spec, rules };
}

interface Context {
  readonly target: ConversionTarget;
  /** Of the source. */
  readonly parameters: ReadonlySet<string>;
  readonly norms: ReadonlyMap<string, NormPart>;
}

function contextOf(source: DecoderSpec, target: ConversionTarget): Context {
  return {
    target,
    parameters: new Set(decoderParameters(source).map(({ name }) => name)),
    norms: new Map(decoderParts(source).flatMap((part) => (part.type === 'norm' ? [[part.name, part]] : []))),
  };
}

function ruleOf({ name, shape, part }: ParameterDeclaration, context: Context): TensorRule {
  const from = context.parameters.has(name) ? 'source' : 0;
  switch (part.type) {
    case 'embedding':
      return { name, shape, from, steps: [{ kind: 'centreRows' }, ...dropped(context, 'dropLastColumn')] };
    case 'norm':
      return { name, shape, from, steps: normSteps(name, part, context) };
    case 'linear': {
      const isWeight = name.endsWith('.weight');
      const steps = isWeight ? weightSteps(part, context) : biasSteps(part, context);
      return { name, shape, from, steps };
    }
  }
}

function withSums(rule: TensorRule): TensorRule {
  const kinds = rule.steps.map(({ kind }) => kind);
  if (kinds.includes('dropLastRow')) return { ...rule, keepSums: 'ofColumns' };
  return kinds.includes('centreRows') && kinds.includes('dropLastColumn') ? { ...rule, keepSums: 'ofRows' } : rule;
}

function dropped({ target }: Context, kind: 'dropLastColumn' | 'dropLastRow'): readonly Step[] {
  return target === 'crmsnorm' ? [{ kind }] : [];
}

function normSteps(name: string, part: NormPart, { norms }: Context): readonly Step[] {
  const source = norms.get(part.name);
  const offset = source === undefined ? 0 : kindOf(source.norm).weightOffset - kindOf(part.norm).weightOffset;
  return name.endsWith('.weight') && offset !== 0 ? [{ kind: 'addConstant', value: offset }] : [];
}

function weightSteps(part: LinearPart, context: Context): readonly Step[] {
  if (part.writes === 'stream') return [{ kind: 'centreColumns' }, ...dropped(context, 'dropLastRow')];
  if (part.reads !== 'stream' || context.target === 'rmsnorm') return [];
  const norm = context.norms.get(part.norm ?? '');
  const folded: readonly Step[] =
    norm !== undefined && hasParameter(norm.norm, 'weight')
      ? [{ kind: 'scaleColumns', by: `${norm.name}.weight`, offset: kindOf(norm.norm).weightOffset }]
      : [];
  return [...folded, { kind: 'subtractLastColumn' }, { kind: 'dropLastColumn' }];
}

function biasSteps(part: LinearPart, context: Context): readonly Step[] {
  const isNew = !context.parameters.has(`${part.name}.bias`);
  if (part.writes === 'stream') {
    // One flag of the spec covers all biases of an MLP: where its readers gain one, its writer gets zeros.
    return isNew ? [] : [{ kind: 'centreRows' }, ...dropped(context, 'dropLastColumn')];
  }
  const norm = context.norms.get(part.norm ?? '');
  if (part.reads !== 'stream' || context.target === 'rmsnorm' || norm === undefined) return [];
  if (!hasParameter(norm.norm, 'bias')) return [];
  return [{ kind: 'addProduct', weight: `${part.name}.weight`, vector: `${norm.name}.bias` }];
}
