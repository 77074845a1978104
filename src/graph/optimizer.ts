import { add, div, minimum, mul, reshape, scale, sqrt, sub, sum } from './ops/index.ts';
import { constant, type Tensor } from './tensor.ts';

/** A float tensor with AdamW's two moments of its gradient, all of one shape. */
export interface AdamWState {
  readonly parameter: Tensor;
  readonly firstMoment: Tensor;
  readonly secondMoment: Tensor;
}

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
}

/** The scalars of one AdamW step, which change from step to step: inputs of the graph. */
export interface AdamWScalars {
  /** η·√(1 − β₂ᵗ) / (1 − β₁ᵗ) */
  readonly stepSize: Tensor;
  /** ε·√(1 − β₂ᵗ) */
  readonly epsilon: Tensor;
  /** η·λ, for parameters that decay */
  readonly decay: Tensor;
}

/**
 * The values of {@link AdamWScalars} at step `t`, counted from 1.
 *
 * With them p ← p − ηλp − stepSize · m / (√v + epsilon) is AdamW [Decoupled Weight Decay, algorithm 2] with the bias
 * corrections moved out of the element-wise part, which saves passes over the state.
 */
export function adamwScalars(
  t: number,
  { beta1, beta2 }: AdamWOptions,
  {
    learningRate,
    epsilon,
    weightDecay,
  }: { readonly learningRate: number; readonly epsilon: number; readonly weightDecay: number },
): { readonly stepSize: number; readonly epsilon: number; readonly decay: number } {
  const correction = Math.sqrt(1 - beta2 ** t);
  return {
    stepSize: (learningRate * correction) / (1 - beta1 ** t),
    epsilon: epsilon * correction,
    decay: learningRate * weightDecay,
  };
}

/**
 * The gradients' norm over all tensors together, and the factor that brings it down to `maxNorm` where it is larger.
 *
 * Both have the shape `[1]`. [Pascanu et al. 2013 §3.2]
 */
export function globalNormClip(
  gradients: readonly Tensor[],
  maxNorm: number | null,
): { readonly norm: Tensor; readonly factor: Tensor } {
  const squares = gradients.map((gradient) => reshape(sum(mul(gradient, gradient)), [1]));
  const norm = sqrt(squares.reduce(add));
  const factor =
    maxNorm === null ? constant([1]) : minimum(constant([1]), div(constant([maxNorm]), add(norm, constant([1e-6]))));
  return { norm, factor };
}

/** One AdamW step on one tensor, its gradient scaled by `factor` `[1]` first; `decays` says whether weight decay applies. */
export function adamw(
  state: AdamWState,
  gradient: Tensor,
  factor: Tensor,
  scalars: AdamWScalars,
  options: AdamWOptions,
  decays: boolean,
): AdamWState {
  const { beta1, beta2 } = options;
  const firstMoment = add(scale(state.firstMoment, beta1), mul(gradient, scale(factor, 1 - beta1)));
  const secondMoment = add(
    scale(state.secondMoment, beta2),
    mul(mul(gradient, gradient), scale(mul(factor, factor), 1 - beta2)),
  );
  const update = mul(div(firstMoment, add(sqrt(secondMoment), scalars.epsilon)), scalars.stepSize);
  const kept = decays ? mul(state.parameter, sub(constant([1]), scalars.decay)) : state.parameter;
  return { parameter: sub(kept, update), firstMoment, secondMoment };
}
