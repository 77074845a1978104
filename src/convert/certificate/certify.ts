import type { FloatDType } from '../../core/dtype.ts';
import type { ConversionPlan } from '../rules/plan.ts';
import { foldedParameters, onlyMoves, type Parameters } from '../rules/steps.ts';
import { exactDecoder } from './decoder.ts';
import { type Measurements, type MeasureOptions, measure } from './measure.ts';

export interface CertifyOptions extends Omit<MeasureOptions, 'source' | 'rewritten' | 'exact' | 'isText'> {
  readonly plan: ConversionPlan;
  /** The parameters of `plan.source`. */
  readonly source: Parameters;
  /** The element type in which each parameter of the plan is written. */
  readonly dtypes: ReadonlyMap<string, FloatDType>;
  /** The element type in which the source stores each parameter. */
  readonly sourceDTypes: ReadonlyMap<string, FloatDType>;
  /** Default false. */
  readonly isText?: boolean | undefined;
}

/**
 * Measures how equal a conversion is to its source: three times, with the floors beside which that is to be seen.
 *
 * `limitsOf` has the limits, `certificateBytes` the memory that it takes.
 */
export async function certify({
  plan,
  source,
  dtypes,
  sourceDTypes,
  ...options
}: CertifyOptions): Promise<Measurements> {
  const { algebra, ...measured } = await measure({
    ...options,
    isText: options.isText ?? false,
    source: { spec: plan.source, parameters: source },
    rewritten: rewrittenDTypes({ plan, dtypes, sourceDTypes }),
    exact: (parameters) => exactDecoder(plan.spec, plan.rules, parameters),
  });
  if (algebra === null) throw new Error('convert: the algebra was not measured');
  return { algebra, ...measured };
}

/**
 * The parameters of the source that are written otherwise than they were, and the type that they are rounded to: those
 * with a rule or a narrower type, and the norms' that go into the linears that read through them.
 */
export function rewrittenDTypes({
  plan,
  dtypes,
  sourceDTypes,
}: Pick<CertifyOptions, 'plan' | 'dtypes' | 'sourceDTypes'>): ReadonlyMap<string, FloatDType> {
  const rewritten = new Map<string, FloatDType>();
  for (const { name, from, steps } of plan.rules) {
    const dtype = dtypes.get(name);
    if (dtype === undefined) throw new RangeError(`convert: no element type is given for ${name}`);
    const isCopy = steps.every(onlyMoves) && holdsExactly(dtype, sourceDTypes.get(name) ?? dtype);
    if (from === 'source' && !isCopy) rewritten.set(name, dtype);
    for (const folded of steps.flatMap(foldedParameters)) rewritten.set(folded, dtype);
  }
  return rewritten;
}

/** Whether a type holds every number of another. */
export function holdsExactly(dtype: FloatDType, source: FloatDType): boolean {
  if (dtype === source || dtype === 'float64') return true;
  return dtype === 'float32' && source !== 'float64';
}
