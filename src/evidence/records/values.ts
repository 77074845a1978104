import type { Ablation, Confidence, EvidenceNormId, MeasuredValue, Measurement, ModelRecord } from '../schema.ts';

type Extra = Partial<Omit<MeasuredValue, 'value' | 'norm'>>;

/** A value of a norm; the variant is the norm's id unless said otherwise. */
export function of(norm: EvidenceNormId, value: number, extra: Extra = {}): MeasuredValue {
  return { variant: norm, norm, value, ...extra };
}

/** A value of something that isn't a norm. */
export function other(variant: string, value: number, extra: Omit<Extra, 'variant'> = {}): MeasuredValue {
  return { variant, norm: null, value, ...extra };
}

/** A ± that the source prints without saying of what. */
export function plusMinus(amount: number): { spread: { amount: number; kind: 'unstated' } } {
  return { spread: { amount, kind: 'unstated' } };
}

export function standardDeviation(amount: number): { spread: { amount: number; kind: 'sd' } } {
  return { spread: { amount, kind: 'sd' } };
}

export function measured(
  quantity: string,
  unit: string,
  better: Measurement['better'],
  values: readonly MeasuredValue[],
): Measurement {
  return { quantity, unit, better, values: [...values] };
}

/** No comparison of norms was found. Says so about the search, not about the world. */
export const noAblationFound: Ablation = {
  exists: false,
  ofKind: false,
  summary: 'None found in what was searched.',
  confounds: [],
  claims: [],
  source: null,
};

export const transformersCode = 'transformers-5-18';

/** The epsilon of a Hugging Face configuration class, which a checkpoint's own `config.json` may override. */
export function classDefault(key: string, value: number): NonNullable<ModelRecord['epsilon']> {
  return {
    value,
    source: transformersCode,
    note: `default of ${key} in the configuration class; a checkpoint may override it`,
    confidence: 'read',
  };
}

type Compact = Pick<ModelRecord, 'id' | 'name' | 'family' | 'organization' | 'year' | 'norm' | 'placement'> &
  Partial<ModelRecord> & { readonly confidence?: Confidence };

/**
 * A model record of which only the code in Hugging Face transformers was read: no reason or ablation is known, and the
 * final norm is of the same kind as the others.
 */
export function fromCode(module: string, record: Compact): ModelRecord {
  return {
    aliases: [],
    sizes: [],
    finalNorm: record.norm,
    qkNorm: null,
    epsilon: null,
    reportRead: false,
    statedReason: null,
    ablation: noAblationFound,
    corrections: [],
    confidence: 'read',
    notes: [],
    sources: [{ source: transformersCode, section: `models/${module}` }],
    ...record,
  };
}
