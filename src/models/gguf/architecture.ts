import type { GgufMetadata } from '../../checkpoint/index.ts';
import { RefusalError } from '../../core/errors.ts';
import { type DecoderSpec, extrasOf } from '../spec.ts';

/** An architecture of llama.cpp: which decoders it computes, how it names their parts, and what it must be told. */
export interface GgufArchitecture {
  readonly id: 'llama' | 'gpt2';
  /** Of the part's name in a block, or outside of one. */
  readonly names: Readonly<Record<string, string>>;
  readonly metadata: (spec: DecoderSpec) => GgufMetadata;
  /** Why it doesn't compute this decoder; undefined where it does. */
  readonly obstacle: (spec: DecoderSpec) => string | undefined;
}

const common = {
  'embedding.token': 'token_embd',
  final_norm: 'output_norm',
  head: 'output',
  'attention.input_norm': 'attn_norm',
  'attention.output': 'attn_output',
  'mlp.input_norm': 'ffn_norm',
  'mlp.up': 'ffn_up',
  'mlp.down': 'ffn_down',
};

/** What a condition on a spec says where it doesn't hold: the first of them. */
function firstOf(conditions: readonly (readonly [holds: boolean, otherwise: string])[]): string | undefined {
  return conditions.find(([holds]) => !holds)?.[1];
}

function plain(spec: DecoderSpec, norm: string, extras: readonly string[]): string | undefined {
  const { attention } = spec;
  const other = extrasOf(spec).find((key) => !extras.includes(key));
  return firstOf([
    [other === undefined, `it has no ${other}`],
    [spec.placement === 'pre', `its norms stand before branches, not ${spec.placement}`],
    [spec.norm.kind === norm, `its norms are ${norm}, not ${spec.norm.kind}`],
    [spec.finalNorm?.kind === norm, `its final norm is ${norm}, not ${spec.finalNorm?.kind ?? 'none'}`],
    [spec.finalNorm?.epsilon === spec.norm.epsilon, 'all its norms have one epsilon'],
    [spec.streamSize === spec.hiddenSize, 'its stream has all coordinates'],
    [!spec.headBias, 'its head has no bias'],
    [attention.clip === null, 'it clips no queries, keys and values'],
    [attention.qkNorm === null, 'it has no norm on queries and keys'],
    [attention.scales.every((scale) => isUsual(scale, attention.headSize)), 'its scores are divided by √(head size)'],
  ]);
}

function isUsual(scale: number, headSize: number): boolean {
  return Math.abs(scale * Math.sqrt(headSize) - 1) < 1e-9;
}

function sizes(id: string, spec: DecoderSpec, context: number): GgufMetadata {
  return {
    'general.architecture': { type: 'string', value: id },
    'general.file_type': { type: 'uint32', value: 0 },
    [`${id}.context_length`]: { type: 'uint32', value: context },
    [`${id}.embedding_length`]: { type: 'uint32', value: spec.hiddenSize },
    [`${id}.block_count`]: { type: 'uint32', value: spec.numLayers },
    [`${id}.feed_forward_length`]: { type: 'uint32', value: spec.mlp.innerSize },
    [`${id}.attention.head_count`]: { type: 'uint32', value: spec.attention.numHeads },
    [`${id}.vocab_size`]: { type: 'uint32', value: spec.vocabularySize },
  };
}

const llama: GgufArchitecture = {
  id: 'llama',
  names: {
    ...common,
    'attention.query': 'attn_q',
    'attention.key': 'attn_k',
    'attention.value': 'attn_v',
    'mlp.gate': 'ffn_gate',
  },
  metadata(spec) {
    const { positions, attention } = spec;
    if (positions.kind !== 'rotary') throw new Error('models/gguf: llama has rotary positions');
    const { headSize } = attention;
    return {
      ...sizes('llama', spec, spec.maxPositions ?? 4096),
      'llama.attention.head_count_kv': { type: 'uint32', value: attention.numKeyValueHeads },
      'llama.attention.key_length': { type: 'uint32', value: headSize },
      'llama.attention.value_length': { type: 'uint32', value: headSize },
      'llama.attention.layer_norm_rms_epsilon': { type: 'float32', value: spec.norm.epsilon },
      'llama.rope.dimension_count': { type: 'uint32', value: headSize },
      'llama.rope.freq_base': { type: 'float32', value: positions.base },
    };
  },
  obstacle: (spec) =>
    plain(spec, 'rmsnorm', ['positions.size']) ??
    firstOf([
      [spec.positions.kind === 'rotary', `its positions are rotary, not ${spec.positions.kind}`],
      [
        spec.positions.kind !== 'rotary' ||
          (spec.positions.size ?? spec.attention.headSize) === spec.attention.headSize,
        'it rotates whole heads',
      ],
      [spec.attention.projection === 'separate', 'its queries, keys and values are linears of their own'],
      [!spec.attention.qkvBias && !spec.attention.outputBias && !spec.mlp.bias, 'its linears have no biases'],
      [spec.mlp.kind === 'gated' && spec.mlp.activation === 'silu', 'its MLP is gated with silu'],
    ]),
};

const gpt2: GgufArchitecture = {
  id: 'gpt2',
  names: { ...common, 'embedding.position': 'position_embd', 'attention.qkv': 'attn_qkv' },
  metadata(spec) {
    if (spec.positions.kind !== 'learned') throw new Error('models/gguf: gpt2 has learned positions');
    return {
      ...sizes('gpt2', spec, spec.positions.count),
      'gpt2.attention.layer_norm_epsilon': { type: 'float32', value: spec.norm.epsilon },
    };
  },
  obstacle: (spec) =>
    plain(spec, 'layernorm', []) ??
    firstOf([
      [spec.positions.kind === 'learned', `its positions are learned, not ${spec.positions.kind}`],
      [spec.attention.projection === 'fused', 'one linear gives its queries, keys and values'],
      [spec.attention.qkvBias && spec.attention.outputBias && spec.mlp.bias, 'all its linears have biases'],
      [spec.mlp.kind === 'plain' && spec.mlp.activation === 'gelu_tanh', 'its MLP is plain with the tanh form of gelu'],
    ]),
};

/** The architecture of llama.cpp that computes a decoder. Throws RefusalError, which says why none does. */
export function ggufArchitecture(spec: DecoderSpec): GgufArchitecture {
  const reasons: string[] = [];
  for (const architecture of [llama, gpt2]) {
    const obstacle = architecture.obstacle(spec);
    if (obstacle === undefined) return architecture;
    reasons.push(`not as ${architecture.id}: ${obstacle} there`);
  }
  throw new RefusalError(
    `gguf: a decoder of the family ${spec.family} can't be written for llama.cpp; ${reasons.join('; ')}`,
  );
}
