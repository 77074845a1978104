import type { EngineName } from '../../engine/index.ts';
import type { ComputeDType } from './compute.ts';
import type { Group } from './groups.ts';

/** How far a computed tensor is from the recorded one. */
export interface Difference {
  /** max |computed − recorded|; NaN where either holds NaN, or both an infinity. */
  readonly largest: number;
  /** Where, counted row by row. */
  readonly index: number;
}

/** The largest difference between two tensors of the same size; anything that isn't a number beats every number. */
export function largestDifference(computed: ArrayLike<number>, recorded: Float64Array): Difference {
  let worst: Difference = { largest: 0, index: 0 };
  for (const [index, expected] of recorded.entries()) {
    const largest = Math.abs((computed[index] ?? Number.NaN) - expected);
    if (Number.isNaN(largest)) return { largest, index };
    if (largest > worst.largest) worst = { largest, index };
  }
  return worst;
}

export interface BoundOptions {
  readonly dtype: ComputeDType;
  /** What computes in float32. */
  readonly engine: EngineName;
  /** Replaces the bound on logits and loss. */
  readonly tolerance: number | null;
  /** max |float32 − float64| of the logits in the implementation that was recorded, where it is known. */
  readonly float32Error: number | null;
}

/**
 * How many times the recorded float32 error logits may have. 4 where elementary functions are right to an ulp or so, as on
 * the CPU. WGSL lets exp be wrong by 3 + 2|x| ulps, a quotient by 2.5, 1/√x by 2, and tanh by what these add up to: about 4
 * times as much for a softmax, a norm or an activation (docs/engines.md).
 */
const float32Errors: Readonly<Record<EngineName, number>> = { cpu: 4, webgpu: 16 };
/** The error where none is recorded. */
const usualFloat32Error = 5e-6;

/** How large the largest difference of a tensor of a group may be. */
export function boundOf(group: Group, recorded: Float64Array, options: BoundOptions): number {
  const { dtype, engine, tolerance, float32Error } = options;
  const isResult = group === 'logits' || group === 'loss';
  if (isResult && tolerance !== null) return tolerance;
  if (dtype === 'float32') {
    if (isResult) return float32Errors[engine] * (float32Error ?? usualFloat32Error);
    // Some gradients are zero but for rounding, as those of a key's bias without rotary positions.
    return 1e-4 * largestOf(recorded) + (group === 'gradients' ? 1e-7 : 0);
  }
  return group === 'gradients' ? 1e-9 * largestOf(recorded) + 1e-12 : 1e-10;
}

function largestOf(values: Float64Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}
