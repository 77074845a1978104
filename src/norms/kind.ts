import type { OpBuilder } from '../core/builder.ts';

/** A learned parameter of a norm: `[width]` where its shape is `vector`, `[1]` where it is `scalar`. */
export interface NormParameter {
  readonly name: 'weight' | 'bias' | 'alpha';
  readonly shape: 'vector' | 'scalar';
  /** The value every entry starts training with; a function where it depends on the width. */
  readonly initial: number | ((width: number) => number);
  /** Whether AdamW's weight decay applies to it. */
  readonly decay: boolean;
}

export interface NormContext {
  /** The number of entries on the last axis of `x`. */
  readonly width: number;
  readonly epsilon: number;
}

/** The arithmetic and the memory traffic of one fused kernel, per element of `x`. `cost.ts` holds the counting rule. */
export interface NormCost {
  readonly flopsPerElement: number;
  readonly bytesPerElement: number;
}

/**
 * What leaves the output as it is, at epsilon 0, on rows that the norm maps to finite values.
 *
 * [RMSNorm §3, Table 1]
 */
export interface NormInvariances {
  /** The same constant added to every entry. */
  readonly shift: boolean;
  /** Every entry of the batch multiplied by one positive factor. */
  readonly scale: boolean;
  /** Every row multiplied by a positive factor of its own. */
  readonly perRow: boolean;
}

export interface NormGradient<T> {
  /** The shape of `x`. */
  readonly dx: T;
  /** One entry per parameter, summed over the rows. */
  readonly parameters: Readonly<Record<string, T>>;
}

/** A normalization layer: how it is defined, differentiated, run on an engine, and what it costs. */
export interface NormKind {
  readonly id: string;
  readonly name: string;
  /** TeX; `x` is one row of `d` entries (`d-1` for CRMSNorm). */
  readonly formula: string;
  readonly parameters: readonly NormParameter[];
  /** `inside`: added to what is under the root. `outside`: added to the root. */
  readonly epsilonPlacement: 'inside' | 'outside' | 'none';
  /** Where reference implementations in half precision round back to the input's dtype. */
  readonly castPoint: 'before-weight' | 'after-weight';
  /** What is added to the stored weight before it multiplies: 1 where a checkpoint stores `γ − 1`. */
  readonly weightOffset: 0 | 1;
  readonly defaultEpsilon: number;
  /** `x` and the result: `[rows, width]`, row by row. Throws InputError when lengths or parameters don't fit. */
  readonly forward: (
    x: Float64Array,
    parameters: Readonly<Record<string, Float64Array>>,
    context: NormContext,
  ) => Float64Array;
  /** The gradients for the upstream gradient `dy` `[rows, width]`. Throws as `forward` does. */
  readonly backward: (
    x: Float64Array,
    dy: Float64Array,
    parameters: Readonly<Record<string, Float64Array>>,
    context: NormContext,
  ) => NormGradient<Float64Array>;
  /** The forward pass for an engine, as its fused operator where there is one. */
  readonly lowerForward: <T>(b: OpBuilder<T>, x: T, parameters: Readonly<Record<string, T>>, context: NormContext) => T;
  /**
   * The forward pass in means of rows and elementwise operations, with no fused operator and no pass over `x` that the
   * formula could do without: what norms are written in where they shall be compared at equal quality.
   */
  readonly lowerPlain: <T>(b: OpBuilder<T>, x: T, parameters: Readonly<Record<string, T>>, context: NormContext) => T;
  /** The backward pass for an engine. It computes the row statistics again and needs no output of the forward pass. */
  readonly lowerBackward: <T>(
    b: OpBuilder<T>,
    x: T,
    dy: T,
    parameters: Readonly<Record<string, T>>,
    context: NormContext,
  ) => NormGradient<T>;
  /** `bytesPerValue` is the size of an element of `x`, 4 when it is left out. */
  readonly cost: (width: number, bytesPerValue?: number) => { readonly forward: NormCost; readonly backward: NormCost };
  readonly invariances: NormInvariances;
  readonly citations: readonly string[];
}

/** The value that training starts a parameter with. */
export function initialValue(parameter: NormParameter, width: number): number {
  return typeof parameter.initial === 'number' ? parameter.initial : parameter.initial(width);
}
