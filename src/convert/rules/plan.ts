import {
  type DecoderSpec,
  decoderParameters,
  decoderParts,
  type EmbeddingPart,
  kindOf,
  type LinearPart,
  type NormPart,
  type NormSpec,
  type ParameterDeclaration,
} from '../../models/index.ts';
import type { ConversionTarget } from '../options.ts';
import { normedHeads } from './heads.ts';
import { type InputMethod, inputMethod } from './input.ts';
import { convertedSpec, hasParameter, isRmsNorm, recentredNorm, type SpecOptions, untied } from './spec.ts';
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
 * LayerNorm sees zero-mean input; a decoder with RMSNorms keeps it. `crmsnorm`: also, the norms' weights and biases go into
 * the linears that read through them, and the last coordinate of the stream, minus the sum of the others, is dropped.
 * [Pre-RMSNorm §3.1, §3.2]
 */
export function conversionPlan(
  source: DecoderSpec,
  target: ConversionTarget,
  options: SpecOptions = {},
): ConversionPlan {
  const spec = convertedSpec(source, target, options);
  const context = contextOf(untied(source), target, options);
  const rules = decoderParameters(spec).map((declaration) => withSums(ruleOf(declaration, context)));
  return { source: untied(source), spec, rules };
}

interface Context {
  readonly source: DecoderSpec;
  readonly target: ConversionTarget;
  /** How the first block's input loses its mean; null where the stream keeps its mean. */
  readonly input: InputMethod | null;
  /** Whether the norms' weights and biases go into the linears that read through them. */
  readonly folds: boolean;
  readonly centresHeads: boolean;
  /** Of the source. */
  readonly parameters: ReadonlySet<string>;
  readonly norms: ReadonlyMap<string, NormPart>;
}

function contextOf(source: DecoderSpec, target: ConversionTarget, { fold, qkNorms }: SpecOptions): Context {
  const { qkNorm } = source.attention;
  return {
    source,
    target,
    input: isRmsNorm(source.norm) ? null : inputMethod(source, target),
    folds: target === 'crmsnorm' || fold === true,
    centresHeads: qkNorms === true && qkNorm !== null && recentredNorm(qkNorm.norm) !== undefined,
    parameters: new Set(decoderParameters(source).map(({ name }) => name)),
    norms: new Map(decoderParts(source).flatMap((part) => (part.type === 'norm' ? [[part.name, part]] : []))),
  };
}

function ruleOf({ name, shape, part }: ParameterDeclaration, context: Context): TensorRule {
  const from = context.parameters.has(name) ? 'source' : 0;
  switch (part.type) {
    case 'embedding':
      return { name, shape, from, steps: embeddingSteps(part, context) };
    case 'norm':
      return { name, shape, ...normRule(name, part, context) };
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

function embeddingSteps(part: EmbeddingPart, context: Context): readonly Step[] {
  const { embeddingSize, embeddingNorm } = context.source;
  if (part.name === 'embedding.token' && embeddingSize !== undefined) return [];
  const centring: readonly Step[] = [{ kind: 'centreRows' }, ...dropped(context, 'dropLastColumn')];
  switch (context.input) {
    case 'centred':
      return centring;
    case 'fitted':
      return [...normSteps(embeddingNorm), ...centring, ...fitSteps(embeddingNorm)];
    case 'tabulated':
      return [...normSteps(embeddingNorm), ...centring];
    default:
      return [];
  }
}

const embeddingNormName = 'embedding.norm';

function normSteps(norm: NormSpec | undefined): readonly Step[] {
  return norm === undefined ? [] : [{ kind: 'normRows', norm, parameters: embeddingNormName }];
}

function fitSteps(norm: NormSpec | undefined): readonly Step[] {
  if (norm === undefined) return [];
  return [{ kind: 'fitRows', parameters: embeddingNormName, epsilon: norm.epsilon, bias: hasParameter(norm, 'bias') }];
}

function normRule(name: string, part: NormPart, context: Context): Pick<TensorRule, 'from' | 'steps'> {
  const isWeight = name.endsWith('.weight');
  if (part.name === embeddingNormName && context.input === 'fitted') {
    if (!isWeight) return { from: 0, steps: [] };
    const bias = hasParameter(part.norm, 'bias');
    return { from: 'source', steps: [{ kind: 'fillWithBound', parameters: embeddingNormName, bias }] };
  }
  const { weightOffset } = kindOf(part.norm);
  if (context.folds && isReadByLinears(part)) return { from: isWeight ? 1 - weightOffset : 0, steps: [] };
  return { from: 'source', steps: [] };
}

/** Whether a norm stands before a branch or the head, so that what it gives goes into linears alone. */
export function isReadByLinears({ name }: NormPart): boolean {
  return name === 'final_norm' || name.endsWith('.input_norm');
}

function weightSteps(part: LinearPart, context: Context): readonly Step[] {
  if (part.writes === 'stream') {
    return context.input === null ? [] : [{ kind: 'centreColumns' }, ...dropped(context, 'dropLastRow')];
  }
  if (part.reads !== 'stream') return [];
  const norm = context.norms.get(part.norm ?? '');
  const folded: readonly Step[] =
    context.folds && norm !== undefined && hasParameter(norm.norm, 'weight')
      ? [{ kind: 'scaleColumns', by: `${norm.name}.weight`, offset: kindOf(norm.norm).weightOffset }]
      : [];
  const narrowed: readonly Step[] =
    context.target === 'crmsnorm' ? [{ kind: 'subtractLastColumn' }, { kind: 'dropLastColumn' }] : [];
  return [...folded, ...narrowed, ...headSteps(part, 'rows', context)];
}

function biasSteps(part: LinearPart, context: Context): readonly Step[] {
  const isNew = !context.parameters.has(`${part.name}.bias`);
  if (part.writes === 'stream') {
    // One flag of the spec covers all biases of an MLP: where its readers gain one, its writer gets zeros.
    return isNew || context.input === null ? [] : [{ kind: 'centreRows' }, ...dropped(context, 'dropLastColumn')];
  }
  if (part.reads !== 'stream') return [];
  const norm = context.norms.get(part.norm ?? '');
  const folded: readonly Step[] =
    context.folds && norm !== undefined && hasParameter(norm.norm, 'bias')
      ? [{ kind: 'addProduct', weight: `${part.name}.weight`, vector: `${norm.name}.bias` }]
      : [];
  return [...folded, ...headSteps(part, 'columns', context)];
}

function headSteps(part: LinearPart, axis: 'rows' | 'columns', { source, centresHeads }: Context): readonly Step[] {
  const groups = centresHeads ? normedHeads(source, part) : [];
  return groups.length === 0 ? [] : [{ kind: 'centreHeads', axis, headSize: source.attention.headSize, groups }];
}
