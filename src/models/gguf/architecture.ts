import { InputError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import type { Activation } from '../spec.ts';

/** Whether an architecture has a parameter: `optional` where its file says so by holding it. */
export type Need = 'always' | 'optional' | 'never';

export type Parallel = 'sequential' | 'two_norms' | 'shared_norm';

/**
 * An architecture of llama.cpp as data: which decoders it computes, and what it calls their parts. Read off its loaders and
 * graphs, `src/models/*.cpp` there; each is checked by running it (`npm run bench:gguf`).
 */
export interface GgufArchitecture {
  readonly id: string;
  /** Of a part's name within a block, or outside of one; `#` stands for the number of an expert or a head. */
  readonly names: Readonly<Record<string, string>>;
  /** Names that change where both branches have a norm of their own and read the same stream. */
  readonly twoNormNames?: Readonly<Record<string, string>>;
  readonly norm: 'layernorm' | 'rmsnorm';
  readonly normWeight: 'always' | 'never';
  readonly normBias: Need;
  readonly hasEmbeddingNorm?: true;
  readonly positions: 'learned' | 'rotary' | 'alibi';
  /** Which coordinates are rotated together: i and i + size/2, or 2i and 2i + 1. */
  readonly pairs: 'halves' | 'neighbours';
  /** Whether a part of each head may stay as it is. */
  readonly rotatesParts: boolean;
  /** Whether heads may have another size than hidden size / heads. */
  readonly freeHeadSize: boolean;
  readonly grouped: boolean;
  /** Whether one tensor holds what gives queries, keys and values. */
  readonly fusedQkv: Need;
  readonly qkvBias: Need;
  readonly outputBias: Need;
  readonly mlpBias: Need;
  readonly mlp: 'plain' | 'gated';
  /** What it computes, then what it is used for although it computes the first. */
  readonly activations: readonly [Activation, ...Activation[]];
  readonly hasExperts?: true;
  readonly qkNorm?: 'each_head';
  readonly clip: Need;
  /** `optional`: where it is left out, it is the token embedding. */
  readonly head: 'always' | 'optional';
  readonly headBias: 'always' | 'never';
  readonly parallel: readonly [Parallel, ...Parallel[]];
}

const names = {
  'embedding.token': 'token_embd',
  'embedding.position': 'position_embd',
  'embedding.norm': 'token_embd_norm',
  final_norm: 'output_norm',
  head: 'output',
  'attention.input_norm': 'attn_norm',
  'attention.query': 'attn_q',
  'attention.key': 'attn_k',
  'attention.value': 'attn_v',
  'attention.qkv': 'attn_qkv',
  'attention.query_norm.heads.#': 'attn_q_norm',
  'attention.key_norm.heads.#': 'attn_k_norm',
  'attention.output': 'attn_output',
  'mlp.input_norm': 'ffn_norm',
  'mlp.gate': 'ffn_gate',
  'mlp.up': 'ffn_up',
  'mlp.down': 'ffn_down',
  'mlp.router': 'ffn_gate_inp',
  'mlp.experts.#.gate': 'ffn_gate_exps',
  'mlp.experts.#.up': 'ffn_up_exps',
  'mlp.experts.#.down': 'ffn_down_exps',
};

/** ggml's gelu is the tanh form. BLOOM writes its constant with eight digits. */
const gelus = ['gelu_tanh', 'gelu_bloom', 'gelu'] as const;

/** What most have that are used with LayerNorms. */
const common = {
  names,
  norm: 'layernorm',
  normWeight: 'always',
  normBias: 'always',
  positions: 'rotary',
  pairs: 'halves',
  rotatesParts: false,
  freeHeadSize: false,
  grouped: true,
  fusedQkv: 'never',
  qkvBias: 'always',
  outputBias: 'always',
  mlpBias: 'always',
  mlp: 'plain',
  activations: gelus,
  clip: 'never',
  head: 'optional',
  headBias: 'never',
  parallel: ['sequential'],
} as const satisfies Partial<GgufArchitecture>;

const noBiases = { qkvBias: 'never', outputBias: 'never', mlpBias: 'never' } as const;
const optionalBiases = { qkvBias: 'optional', outputBias: 'optional', mlpBias: 'optional' } as const;

/** Those that run with RMSNorms first: what one of them computes needs no LayerNorm. */
export const ggufArchitectures: readonly GgufArchitecture[] = [
  {
    ...common,
    ...optionalBiases,
    id: 'llama',
    norm: 'rmsnorm',
    normBias: 'never',
    pairs: 'neighbours',
    freeHeadSize: true,
    mlp: 'gated',
    activations: ['silu'],
  },
  { ...common, id: 'gpt2', positions: 'learned', fusedQkv: 'always', grouped: false },
  { ...common, id: 'starcoder', positions: 'learned', fusedQkv: 'always' },
  {
    ...common,
    id: 'gptneox',
    rotatesParts: true,
    grouped: false,
    fusedQkv: 'always',
    head: 'always',
    parallel: ['sequential', 'two_norms'],
  },
  { ...common, id: 'bloom', positions: 'alibi', grouped: false, fusedQkv: 'always', hasEmbeddingNorm: true },
  {
    ...common,
    ...noBiases,
    id: 'falcon',
    twoNormNames: { ...names, 'attention.input_norm': 'attn_norm_2', 'mlp.input_norm': 'attn_norm' },
    fusedQkv: 'always',
    parallel: ['shared_norm', 'two_norms'],
  },
  {
    ...common,
    ...optionalBiases,
    id: 'mpt',
    normBias: 'optional',
    positions: 'alibi',
    fusedQkv: 'always',
    clip: 'optional',
  },
  { ...common, id: 'starcoder2', qkvBias: 'optional' },
  {
    ...common,
    id: 'phi2',
    fusedQkv: 'optional',
    rotatesParts: true,
    qkvBias: 'optional',
    head: 'always',
    headBias: 'always',
    parallel: ['shared_norm'],
  },
  {
    ...common,
    ...noBiases,
    id: 'stablelm',
    rotatesParts: true,
    qkvBias: 'optional',
    mlp: 'gated',
    activations: ['silu'],
    qkNorm: 'each_head',
    head: 'always',
    parallel: ['sequential', 'shared_norm'],
  },
  {
    ...common,
    ...optionalBiases,
    id: 'nemotron',
    rotatesParts: true,
    activations: ['relu2'],
    head: 'always',
  },
  {
    ...common,
    ...noBiases,
    id: 'dbrx',
    names: { ...names, 'mlp.input_norm': 'attn_output_norm' },
    normBias: 'never',
    fusedQkv: 'always',
    mlp: 'gated',
    activations: ['silu'],
    hasExperts: true,
    clip: 'always',
    head: 'always',
  },
  {
    ...common,
    ...noBiases,
    id: 'olmo',
    normWeight: 'never',
    normBias: 'never',
    pairs: 'neighbours',
    mlp: 'gated',
    activations: ['silu'],
    clip: 'optional',
  },
];

/** The architecture of a name. Throws InputError, which begins with `where`, for one that normlab doesn't read. */
export function ggufArchitectureOf(id: unknown, where: string): GgufArchitecture {
  const found = ggufArchitectures.find((architecture) => architecture.id === id);
  if (found !== undefined) return found;
  const known = ggufArchitectures.map((architecture) => architecture.id).join(', ');
  throw new InputError(`${where}: general.architecture is ${quote(String(id))}, normlab reads ${known}`);
}
