import type { OnnxNode } from '../../../graph/index.ts';

/** A place of a graph that takes the mean over the channels out of its input, whatever it does after that. */
export interface FoundNorm {
  /** How the report calls it: the name of its node, or of what it reads. */
  readonly name: string;
  /**
   * `layernorm`: one operator. `decomposed`: ReduceMean and Sub, and then what makes a LayerNorm of it. `centring`: the
   * first two alone. `skip`: ONNX Runtime's SkipLayerNormalization, which adds first.
   */
  readonly kind: 'layernorm' | 'decomposed' | 'centring' | 'skip';
  /** The value whose mean it takes out. */
  readonly input: string;
  readonly axis: number;
  readonly width: number;
  readonly epsilon: number | null;
  /** The nodes that read the input as part of the norm. */
  readonly readers: readonly number[];
  /** The value that is the input without its mean, where a decomposed norm has one. */
  readonly centred: string | undefined;
  /** The operator that it is, or can be written as with the mean left out; undefined where it is none that is known. */
  readonly fused: FusedNorm | undefined;
}

export interface FusedNorm {
  /** The nodes that it takes the place of, the last one giving the output. */
  readonly nodes: readonly number[];
  readonly output: string;
  readonly weight: string | undefined;
  readonly bias: string | undefined;
  readonly epsilon: number;
  /** Of the operator: what it computes its statistics in; 1 is float32. */
  readonly stashType: number;
  readonly node: OnnxNode | undefined;
}

/** A norm that is seen but can't be converted whatever its input is. */
export interface HopelessNorm {
  readonly name: string;
  readonly width: number | null;
  readonly epsilon: number | null;
  readonly reason: string;
}

export type NormSearch = FoundNorm | HopelessNorm;

export function isFound(norm: NormSearch): norm is FoundNorm {
  return !('reason' in norm);
}

/** The value between the addition and the norm of a SkipLayerNormalization, which the operator gives if it is asked to. */
export function skipSum(node: OnnxNode): string {
  return node.outputs[3] || `${node.outputs[0]}\0sum`;
}

/**
 * How a norm is called: exporters name nodes by the module that they are in, `/h.0/ln_1/LayerNormalization` is in `/h.0/ln_1`.
 */
export function normName(node: OnnxNode): string {
  const name = node.name || node.outputs[0] || node.opType;
  const parts = name.split('/');
  return parts.length > 2 ? parts.slice(0, -1).join('/') : name;
}
