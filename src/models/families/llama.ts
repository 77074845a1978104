import type { Activation, AttentionSpec, DecoderSpec, NormSpec, PositionSpec } from '../spec.ts';
import { activationNames } from './activation.ts';
import { dividedHeadSize, readKeyValueHeads, readRotary } from './attention.ts';
import { type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import type { ScalingDefaults } from './scaling.ts';
import { storageOf } from './storage.ts';

/** What Llama and the families with its layout call their parts. */
export const llamaNames = {
  'embedding.token': 'model.embed_tokens',
  'blocks.#.attention.input_norm': 'model.layers.#.input_layernorm',
  'blocks.#.attention.query': 'model.layers.#.self_attn.q_proj',
  'blocks.#.attention.key': 'model.layers.#.self_attn.k_proj',
  'blocks.#.attention.value': 'model.layers.#.self_attn.v_proj',
  'blocks.#.attention.output': 'model.layers.#.self_attn.o_proj',
  'blocks.#.mlp.input_norm': 'model.layers.#.post_attention_layernorm',
  'blocks.#.mlp.gate': 'model.layers.#.mlp.gate_proj',
  'blocks.#.mlp.up': 'model.layers.#.mlp.up_proj',
  'blocks.#.mlp.down': 'model.layers.#.mlp.down_proj',
  final_norm: 'model.norm',
  head: 'lm_head',
};

/** What Llama and the families with its layout have in common: tensor names and the keys of sizes. */
export const llamaLayout = {
  namePrefix: 'model.',
  isBuffer: (name) => /^layers\.\d+\.self_attn\.rotary_emb\.inv_freq$|^rotary_emb\.inv_freq$/.test(name),
  sizeKeys: {
    vocabulary: 'vocab_size',
    hidden: 'hidden_size',
    inner: 'intermediate_size',
    heads: 'num_attention_heads',
    keyValueHeads: 'num_key_value_heads',
    headSize: 'head_dim',
  },
  storage: (spec) => storageOf(spec, llamaNames),
} satisfies Partial<Family>;

/** Llama 1 and 2, DeepSeek LLM and others with their layout: RMSNorm, rotary positions, gated MLP. */
export const llama: Family = {
  id: 'llama',
  modelTypes: ['llama'],
  ...llamaLayout,
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    const headSize = config.optionalCount('head_dim') ?? dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
    return readLlamaLike(config, 'llama', {
      norm: { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-6) },
      headSize,
      mlpBias: config.flag('mlp_bias', false),
    });
  },
};

export interface LlamaLike {
  readonly norm: NormSpec;
  readonly headSize: number;
  /** Default: as `rope_theta` and `rope_scaling` say. */
  readonly positions?: PositionSpec;
  /** Where the key `rope_theta` is missing; default 10,000. */
  readonly rotaryBase?: number;
  /** What is assumed about scaled rotations. */
  readonly scaling?: ScalingDefaults;
  /** Where the key is missing; default: as many as heads. */
  readonly keyValueHeads?: number;
  /** Where the key is missing; default 2048. */
  readonly maxPositions?: number;
  /** Default: as `hidden_act` says, else `silu`. */
  readonly activation?: Activation;
  /** Default: as `attention_bias` says, else false. */
  readonly attentionBias?: boolean;
  /** Default: none. */
  readonly clip?: AttentionSpec['clip'];
  /** Default: as `intermediate_size` says. */
  readonly innerSize?: number;
  /** Default false. */
  readonly mlpBias?: boolean;
  /** Where the key is missing; default false. */
  readonly tiedHead?: boolean;
}

/** The decoder of a family with Llama's layout and keys, and what is its own. */
export function readLlamaLike(config: ConfigReader, family: string, own: LlamaLike): DecoderSpec {
  config.unsupported('quantization_config', 'quantized weights are not supported');
  const hiddenSize = config.count('hidden_size');
  const numLayers = config.layers('num_hidden_layers');
  const bias = own.attentionBias ?? config.flag('attention_bias', false);
  const maxPositions = own.maxPositions ?? 2048;
  return {
    family,
    vocabularySize: config.count('vocab_size'),
    hiddenSize,
    streamSize: hiddenSize,
    numLayers,
    maxPositions: config.count('max_position_embeddings', maxPositions),
    positions:
      own.positions ??
      readRotary(config, own.headSize, undefined, own.rotaryBase, { positions: maxPositions, ...own.scaling }),
    norm: own.norm,
    placement: 'pre',
    finalNorm: own.norm,
    attention: {
      numHeads: config.count('num_attention_heads'),
      numKeyValueHeads: readKeyValueHeads(config, own.keyValueHeads),
      headSize: own.headSize,
      projection: 'separate',
      qkvBias: bias,
      outputBias: bias,
      scales: Array.from({ length: numLayers }, () => 1 / Math.sqrt(own.headSize)),
      clip: own.clip ?? null,
      qkNorm: null,
    },
    mlp: {
      kind: 'gated',
      activation: own.activation ?? config.choice('hidden_act', activationNames, 'silu'),
      innerSize: own.innerSize ?? config.count('intermediate_size'),
      bias: own.mlpBias ?? false,
    },
    tiedHead: config.flag('tie_word_embeddings', own.tiedHead ?? false),
    headBias: false,
  };
}
