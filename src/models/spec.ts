import type { NormKind } from '../norms/index.ts';
import { normKind } from '../norms/index.ts';

/** A norm of the catalogue, and the epsilon with which a model uses it. */
export interface NormSpec {
  readonly kind: string;
  readonly epsilon: number;
}

/**
 * Where the norms of a block sit.
 *
 * `pre`: x + F(N(x)). `post`: N(x + F(x)). `output`: x + N(F(x)), OLMo 2's reordering. `peri`: x + N(F(N(x))).
 */
export const placements = ['pre', 'post', 'output', 'peri'] as const;
export type Placement = (typeof placements)[number];

export type PositionSpec =
  /** A trained vector for each position, added to the token embedding. */
  | { readonly kind: 'learned'; readonly count: number }
  /** Pairs of coordinates i and i + size/2 of each head are rotated by position · base^(−2i/size) [RoFormer §3.4]. */
  | { readonly kind: 'rotary'; readonly base: number }
  | { readonly kind: 'none' };

export interface AttentionSpec {
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headSize: number;
  /** `fused`: one linear whose output is all queries, then all keys, then all values. */
  readonly projection: 'separate' | 'fused';
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  /** What the scores are multiplied by in each layer. */
  readonly scales: readonly number[];
  /** Queries, keys and values are cut to ±clip. */
  readonly clip: number | null;
  /** A norm on queries and keys: over each head, or over all heads together. */
  readonly qkNorm: { readonly norm: NormSpec; readonly extent: 'head' | 'full' } | null;
}

export const activations = ['gelu', 'gelu_tanh', 'silu', 'relu', 'relu2'] as const;
export type Activation = (typeof activations)[number];

export interface MlpSpec {
  /** `gated`: down(activation(gate(x)) · up(x)). */
  readonly kind: 'plain' | 'gated';
  readonly activation: Activation;
  readonly innerSize: number;
  readonly bias: boolean;
}

/** More layers than any model has: a bound on what a config can make us build before its tensors are looked at. */
export const maxLayers = 10_000;

/** A decoder-only transformer as data: everything that its graph depends on, and nothing else. */
export interface DecoderSpec {
  readonly family: string;
  readonly vocabularySize: number;
  /** The width d that sizes and norms refer to. */
  readonly hiddenSize: number;
  /** The width of the residual stream as it is stored: d, or d − 1 in a CRMSNorm model. */
  readonly streamSize: number;
  readonly numLayers: number;
  /** The longest sequence, where the architecture limits it. */
  readonly maxPositions: number | null;
  readonly positions: PositionSpec;
  readonly norm: NormSpec;
  readonly placement: Placement;
  readonly finalNorm: NormSpec | null;
  readonly attention: AttentionSpec;
  readonly mlp: MlpSpec;
  readonly tiedHead: boolean;
  readonly headBias: boolean;
}

/** The catalogue's entry for a norm of a spec. */
export function kindOf(norm: NormSpec): NormKind {
  return normKind(norm.kind);
}
