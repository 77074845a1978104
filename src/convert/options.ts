import type { FloatDType } from '../core/dtype.ts';

/** What a Pre-LN decoder can become. */
export const conversionTargets = ['rmsnorm', 'crmsnorm'] as const;
export type ConversionTarget = (typeof conversionTargets)[number];

/** What is done besides. */
export interface RewriteOptions {
  /**
   * The weights and biases of the norms that linears alone read, those before branches and the final one, go into these
   * linears. To `crmsnorm` they always do. Default false.
   */
  readonly fold?: boolean | undefined;
  /** LayerNorms on queries and keys become RMSNorms too. Default false. */
  readonly qkNorms?: boolean | undefined;
}

/** The element types that can be asked for, by the names that the command line uses; `source` keeps each tensor's own. */
export const storedDTypes = {
  source: 'source',
  float64: 'float64',
  float32: 'float32',
  bf16: 'bfloat16',
  f16: 'float16',
} as const satisfies Readonly<Record<string, FloatDType | 'source'>>;

export type StoredDType = FloatDType | 'source';
