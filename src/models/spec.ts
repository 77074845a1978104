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
  | LearnedPositions
  | SinusoidalPositions
  | RotaryPositions
  | AlibiPositions
  | { readonly kind: 'none' };

/** A trained vector for each position, added to the token embedding. */
export interface LearnedPositions {
  readonly kind: 'learned';
  readonly count: number;
  /** Rows of the table before that of the first position; they are never used. Absent: none. */
  readonly offset?: number | undefined;
}

/**
 * A computed vector for each position p, added to the token embedding: with h = ⌊d/2⌋ and q = p + offset, the h sines of
 * q · 10000^(−i/(h−1)), their cosines, and 0 where d is odd. [tensor2tensor]
 */
export interface SinusoidalPositions {
  readonly kind: 'sinusoidal';
  /** Absent: 0. */
  readonly offset?: number | undefined;
  /** The position whose vector is 0 instead. Absent: none. */
  readonly blank?: number | undefined;
}

/** Pairs of coordinates i and i + size/2 of each head are rotated by position · base^(−2i/size) [RoFormer §3.4]. */
export interface RotaryPositions {
  readonly kind: 'rotary';
  readonly base: number;
  /** How many coordinates of a head, its first ones, are rotated. Absent: all. */
  readonly size?: number | undefined;
  /** The pairs are the coordinates 2i and 2i + 1. */
  readonly interleaved?: true | undefined;
  /** How the angles of a longer context than the trained one are made smaller. */
  readonly scaling?: RotaryScaling | undefined;
  /** Which layers rotate. Absent: all. */
  readonly layers?: readonly boolean[] | undefined;
  /** Layers whose angles come from a base of their own and are not scaled. Absent: none. */
  readonly local?: { readonly base: number; readonly layers: readonly boolean[] } | undefined;
}

export type RotaryScaling =
  /** Every angle is divided by the factor. */
  | { readonly kind: 'linear'; readonly factor: number }
  /**
   * Angles are divided by the factor where a turn takes more than `originalPositions / lowFrequencyFactor` positions,
   * kept where it takes fewer than `originalPositions / highFrequencyFactor`, and between them a mixture. [Llama 3.1]
   */
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalPositions: number;
    }
  /** Sequences of n > `originalPositions` p enlarge the base by (factor · n/p − factor + 1)^(size/(size − 2)). [NTK-aware] */
  | { readonly kind: 'dynamic'; readonly factor: number; readonly originalPositions: number }
  /** Sequences of n > `originalPositions` p enlarge the base by (2^⌈log₂(n/p) + 1⌉ − 1)^(size/(size − 2)). [Qwen] */
  | { readonly kind: 'doubling'; readonly originalPositions: number }
  /**
   * Angles are kept up to the pair that turns `fastTurns` times in `originalPositions`, divided by the factor from the pair
   * that turns `slowTurns` times, and between them a mixture; queries and keys are multiplied by `attentionFactor`. [YaRN]
   */
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalPositions: number;
      readonly fastTurns: number;
      readonly slowTurns: number;
      readonly attentionFactor: number;
    }
  /**
   * The angle of each pair is divided by a factor of its own, the long ones for sequences of more than `originalPositions`;
   * queries and keys are multiplied by `attentionFactor`. [LongRoPE]
   */
  | {
      readonly kind: 'longrope';
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
      readonly originalPositions: number;
      readonly attentionFactor: number;
    };

/** Each head adds its slope · (key's position − query's position) to its scores [ALiBi §3]. */
export interface AlibiPositions {
  readonly kind: 'alibi';
  /** One for each head. */
  readonly slopes: readonly number[];
  /** Instead, slope · key's position, both slope and product rounded to bfloat16, is multiplied by the scale and added. */
  readonly rounding?: { readonly dtype: 'bfloat16'; readonly scale: number } | undefined;
}

export const qkNormExtents = ['head', 'each_head', 'full'] as const;
export type QkNormExtent = (typeof qkNormExtents)[number];

/**
 * Which linears give queries, keys and values.
 *
 * `separate`: one each. `fused`: one, whose output is all queries, then all keys, then all values. `fused_by_group`: one,
 * whose output is for each key head the queries that use it, then its key, then its value. `fused_in_quarters`: one, whose
 * output is for each quarter of the heads their queries, then their values, then their keys.
 */
export const projections = ['separate', 'fused', 'fused_by_group', 'fused_in_quarters'] as const;
export type Projection = (typeof projections)[number];

export interface AttentionSpec {
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headSize: number;
  readonly projection: Projection;
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  /** What the scores are multiplied by in each layer. */
  readonly scales: readonly number[];
  /** Queries, keys and values are cut to ±clip, before the norm on them. */
  readonly clip: number | null;
  /** They are cut after the norm over all heads. */
  readonly clipsNormed?: true | undefined;
  /**
   * A norm on queries and keys: over each head, over each head with a weight of its own, or over all heads together.
   */
  readonly qkNorm: { readonly norm: NormSpec; readonly extent: QkNormExtent } | null;
  /** How many of the latest keys, its own among them, a query sees in each layer; null: all. Absent: all everywhere. */
  readonly windows?: readonly (number | null)[] | undefined;
  /** Queries at the positions i ≥ n, this number, are multiplied by log(i + 1) / log(n). [Qwen] */
  readonly logScaledFrom?: number | undefined;
  /** The scaled scores s become cap · tanh(s / cap). */
  readonly scoreCap?: number | undefined;
  /** Keys and values, and perhaps queries, come from latent vectors. Absent: from the stream. */
  readonly latent?: LatentSpec | undefined;
}

/**
 * Multi-head latent attention [DeepSeek-V2 §2.1]: one linear gives the latent vector of keys and values, which is normed,
 * and beside it the part of the keys that is rotated, the same for all heads. A second linear gives for each head the rest
 * of its key, then its value. A head's last `positions.size` coordinates are the rotated ones.
 */
export interface LatentSpec {
  /** The size of the queries' latent vector; null: queries come from the stream. */
  readonly queryRank: number | null;
  readonly keyValueRank: number;
  /** The size of a head's values; `headSize` is that of its keys. */
  readonly valueSize: number;
  /** The norm on latent vectors. */
  readonly norm: NormSpec;
  /** Whether the linears to the latent vectors have biases. */
  readonly bias: boolean;
}

/**
 * `gelu_bloom` is `gelu_tanh` with √(2/π) written as 0.79788456, `gelu_10` is `gelu` cut to ±10, `gelu_quick` is
 * x · sigmoid(1.702 x), `relu6` is ReLU cut to 6, `leaky_relu` is max(x, x / 100).
 */
export const activations = [
  'gelu',
  'gelu_tanh',
  'gelu_bloom',
  'gelu_10',
  'gelu_quick',
  'silu',
  'relu',
  'relu2',
  'relu6',
  'leaky_relu',
  'tanh',
  'sigmoid',
  'linear',
] as const;
export type Activation = (typeof activations)[number];

export interface MlpSpec {
  /** `gated`: down(activation(gate(x)) · up(x)). */
  readonly kind: 'plain' | 'gated';
  readonly activation: Activation;
  readonly innerSize: number;
  readonly bias: boolean;
  /** One linear whose output is the gate's, then `up`'s. */
  readonly fusedGate?: true | undefined;
  /** Several MLPs, of which a router chooses some for each token. */
  readonly experts?: ExpertsSpec | undefined;
}

/** The chosen experts' outputs, each times the router's probability for it, are added up. */
export interface ExpertsSpec {
  readonly count: number;
  /** How many the router chooses, those with the largest probabilities. */
  readonly perToken: number;
  /** Whether the probabilities of the chosen ones are divided by their sum. */
  readonly normalized: boolean;
  /** The inner size of an expert that every token goes through, times the sigmoid of a gate. Absent: none. */
  readonly sharedInnerSize?: number | undefined;
  /** The expert that every token goes through has no gate. */
  readonly ungatedShared?: true | undefined;
  /** Absent: the router's probabilities are a softmax. */
  readonly sigmoid?: SigmoidRouterSpec | undefined;
  /** Layers that have one MLP of another inner size instead of experts. Absent: none. */
  readonly dense?: { readonly layers: readonly boolean[]; readonly innerSize: number } | undefined;
}

/**
 * A router whose probabilities p are sigmoids [DeepSeek-V3 §2.1.2]. Its bias counts in the choice alone: experts are
 * chosen by p + bias, out of the groups in which the two largest of these have the largest sum.
 */
export interface SigmoidRouterSpec {
  readonly groups: number;
  readonly groupsPerToken: number;
  /** What the chosen experts' shares are multiplied by. */
  readonly scale: number;
}

/** More layers than any model has: a bound on what a config can make us build before its tensors are looked at. */
export const maxLayers = 2_000;

/** The same for the experts of a layer, and for those of all layers together. */
export const maxExperts = 4096;
export const maxExpertsOfAllLayers = 30_000;

/**
 * A decoder-only transformer as data: everything that its graph depends on, and nothing else.
 *
 * An optional key that is absent means that the decoder has no such thing.
 */
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
  /**
   * Both branches read the same stream: x + A(N₁(x)) + M(N₂(x)), or x + A(N(x)) + M(N(x)) where they share their norm,
   * which is then that of attention. Absent: the MLP reads what attention has written.
   */
  readonly parallel?: 'two_norms' | 'shared_norm' | undefined;
  /** What each branch is multiplied by before it is added to the stream. */
  readonly residualScale?: number | undefined;
  /** Each branch is added to what it read, y = N(x), instead of to x: y + F(y). Only with the placement `pre`. */
  readonly residualFromNorm?: true | undefined;
  /**
   * The width of the token embedding and of what the head reads, where it isn't the stream's: a linear leads from the one
   * to the other, and one back.
   */
  readonly embeddingSize?: number | undefined;
  /** A norm on the sum of the embeddings. */
  readonly embeddingNorm?: NormSpec | undefined;
  /**
   * The mean over the hidden dimension is subtracted from the embeddings' sum, after its norm. Up to there everything is
   * `hiddenSize` wide; a narrower stream goes on without the last coordinates.
   */
  readonly recentreInput?: true | undefined;
  /** What the token embedding is multiplied by. */
  readonly embeddingScale?: number | undefined;
  /** What the logits are multiplied by. */
  readonly logitScale?: number | undefined;
  /** The logits z become cap · tanh(z / cap). */
  readonly logitCap?: number | undefined;
}

const basicKeys: ReadonlySet<string> = new Set([
  'family',
  'vocabularySize',
  'hiddenSize',
  'streamSize',
  'numLayers',
  'maxPositions',
  'positions',
  'norm',
  'placement',
  'finalNorm',
  'attention',
  'mlp',
  'tiedHead',
  'headBias',
  'positions.kind',
  'positions.count',
  'positions.base',
  'positions.slopes',
  'attention.numHeads',
  'attention.numKeyValueHeads',
  'attention.headSize',
  'attention.projection',
  'attention.qkvBias',
  'attention.outputBias',
  'attention.scales',
  'attention.clip',
  'attention.qkNorm',
  'mlp.kind',
  'mlp.activation',
  'mlp.innerSize',
  'mlp.bias',
]);

/** The optional keys that a spec has, such as `parallel` or `attention.windows`. */
export function extrasOf(spec: DecoderSpec): readonly string[] {
  const { positions, attention, mlp } = spec;
  const objects = { '': spec, 'positions.': positions, 'attention.': attention, 'mlp.': mlp };
  return Object.entries(objects).flatMap(([path, object]) =>
    Object.entries(object)
      .filter(([key, value]) => value !== undefined && !basicKeys.has(path + key))
      .map(([key]) => path + key),
  );
}

/** The catalogue's entry for a norm of a spec. */
export function kindOf(norm: NormSpec): NormKind {
  return normKind(norm.kind);
}
