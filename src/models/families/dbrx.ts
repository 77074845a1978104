import type { DecoderSpec, ExpertsSpec } from '../spec.ts';
import type { Storage, StoredAs } from '../weights.ts';
import { activationNames } from './activation.ts';
import { dividedHeadSize } from './attention.ts';
import { type ConfigOptions, type ConfigReader, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gptLike } from './layernorm.ts';
import { runNorm } from './recentred.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'transformer.wte',
  'blocks.#.attention.input_norm': 'transformer.blocks.#.norm_attn_norm.norm_1',
  'blocks.#.attention.qkv': 'transformer.blocks.#.norm_attn_norm.attn.Wqkv',
  'blocks.#.attention.output': 'transformer.blocks.#.norm_attn_norm.attn.out_proj',
  'blocks.#.mlp.input_norm': 'transformer.blocks.#.norm_attn_norm.norm_2',
  'blocks.#.mlp.router': 'transformer.blocks.#.ffn.router.layer',
  'blocks.#.mlp.experts.#.gate': 'transformer.blocks.#.ffn.experts.mlp.w1',
  'blocks.#.mlp.experts.#.up': 'transformer.blocks.#.ffn.experts.mlp.v1',
  'blocks.#.mlp.experts.#.down': 'transformer.blocks.#.ffn.experts.mlp.w2',
  final_norm: 'transformer.norm_f',
  head: 'lm_head',
};

const options = {
  defaults: { vocab_size: 32_000, d_model: 2048, n_heads: 16, n_layers: 24, max_seq_len: 2048 },
  aliases: {
    d_model: 'hidden_size',
    n_heads: 'num_attention_heads',
    n_layers: 'num_hidden_layers',
    max_seq_len: 'max_position_embeddings',
  },
} satisfies ConfigOptions;

/** DBRX: LayerNorms without bias, clipped queries, keys and values, and experts. Most keys lie in `attn_config`, `ffn_config`. */
export const dbrx: Family = {
  id: 'dbrx',
  modelTypes: ['dbrx'],
  namePrefix: 'transformer.',
  isBuffer: (name) => /^blocks\.\d+\.norm_attn_norm\.attn\.rotary_emb\.inv_freq$/.test(name),
  sizeKeys: {
    vocabulary: 'vocab_size',
    hidden: 'd_model',
    inner: 'ffn_config.ffn_hidden_size, ffn_config.moe_num_experts',
    heads: 'n_heads',
    keyValueHeads: 'attn_config.kv_n_heads',
  },
  storage,
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    config.unsupported('tie_word_embeddings', 'DBRX has no tied heads', [false]);
    const hiddenSize = config.count('d_model');
    const numHeads = config.count('n_heads');
    const headSize = dividedHeadSize(config, 'd_model', 'n_heads');
    if (headSize % 2 !== 0) {
      const [hidden, heads] = [config.nameOf('d_model'), config.nameOf('n_heads')];
      throw config.wrong(`${hidden} is ${hiddenSize}, expected an even multiple of ${heads} (${numHeads})`);
    }
    const attn = config.object('attn_config');
    const ffn = config.object('ffn_config');
    const numKeyValueHeads = attn.count('kv_n_heads', 1);
    if (numHeads % numKeyValueHeads !== 0) {
      throw attn.wrong(`kv_n_heads is ${numKeyValueHeads}, expected a divisor of n_heads (${numHeads})`);
    }
    const decoder = gptLike(config, {
      family: 'dbrx',
      hiddenSize,
      numLayers: config.layers('n_layers'),
      numHeads,
      maxPositions: config.count('max_seq_len'),
      positions: { kind: 'rotary', base: attn.positive('rope_theta', 10_000) },
      norm: runNorm(config, { kind: 'layernorm-nobias', epsilon: 1e-5 }),
      activation: ffn.object('ffn_act_fn').choice('name', activationNames, 'silu'),
      innerSize: ffn.count('ffn_hidden_size', 3584),
      tiedHead: false,
    });
    return {
      ...decoder,
      attention: {
        ...decoder.attention,
        numKeyValueHeads,
        projection: 'fused',
        qkvBias: false,
        outputBias: false,
        clip: attn.optionalPositive('clip_qkv'),
      },
      mlp: { ...decoder.mlp, kind: 'gated', bias: false, experts: readExperts(ffn) },
    };
  },
};

function readExperts(ffn: ConfigReader): ExpertsSpec {
  const norms: readonly unknown[] = [1];
  ffn.unsupported('moe_normalize_expert_weights', 'only the 1-norm of the chosen experts’ weights is supported', norms);
  ffn.unsupported('uniform_expert_assignment', 'experts that nothing chooses are not supported', [false]);
  const count = ffn.experts('moe_num_experts', 4);
  const perToken = ffn.count('moe_top_k', 1);
  if (perToken > count) throw ffn.wrong(`moe_top_k is ${perToken}, expected at most moe_num_experts (${count})`);
  return { count, perToken, normalized: !ffn.is('moe_normalize_expert_weights', [null]) };
}

/** All experts of a layer lie one after another in one tensor, and what they write with is stored [in, out]. */
function storage(spec: DecoderSpec): Storage {
  const { hiddenSize, mlp } = spec;
  const shape = [(mlp.experts?.count ?? 0) * mlp.innerSize, hiddenSize];
  const places = storageOf(spec, partNames, ({ name }) => /\.experts\.\d+\.down$/.test(name));
  return new Map(
    [...places].map(([name, place]): [string, StoredAs] => {
      const expert = /\.experts\.(\d+)\./.exec(name)?.[1];
      if (expert === undefined) return [name, place];
      const within = { shape, row: Number(expert) * mlp.innerSize, rows: mlp.innerSize };
      return [name, { ...place, tensor: place.tensor.replace(/\.weight$/, ''), within }];
    }),
  );
}
