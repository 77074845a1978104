import type { DecoderSpec, ExpertsSpec, LatentSpec, PositionSpec } from '../spec.ts';
import { readRotary } from './attention.ts';
import { type ConfigReader, readConfig } from './config.ts';
import { expertNames, readExperts } from './experts.ts';
import type { Family } from './family.ts';
import { llamaLayout, llamaNames, readLlamaLike } from './llama.ts';
import { yarnScale } from './scaling.ts';
import { storageOf } from './storage.ts';

const partNames = {
  ...llamaNames,
  ...expertNames,
  'blocks.#.attention.query_down': 'model.layers.#.self_attn.q_a_proj',
  'blocks.#.attention.query_latent_norm': 'model.layers.#.self_attn.q_a_layernorm',
  'blocks.#.attention.query_up': 'model.layers.#.self_attn.q_b_proj',
  'blocks.#.attention.key_value_down': 'model.layers.#.self_attn.kv_a_proj_with_mqa',
  'blocks.#.attention.key_value_norm': 'model.layers.#.self_attn.kv_a_layernorm',
  'blocks.#.attention.key_value_up': 'model.layers.#.self_attn.kv_b_proj',
  'blocks.#.mlp.shared.gate': 'model.layers.#.mlp.shared_experts.gate_proj',
  'blocks.#.mlp.shared.up': 'model.layers.#.mlp.shared_experts.up_proj',
  'blocks.#.mlp.shared.down': 'model.layers.#.mlp.shared_experts.down_proj',
};

/** DeepSeek-V3 and R1: latent attention, and experts that a router of sigmoids chooses group by group. */
export const deepseekV3: Family = {
  id: 'deepseek_v3',
  modelTypes: ['deepseek_v3'],
  ...llamaLayout,
  // The published checkpoint holds a layer more, which predicts the token after the next.
  isBuffer: (name) => llamaLayout.isBuffer(name) || /^layers\.61\./.test(name),
  sizeKeys: {
    vocabulary: 'vocab_size',
    hidden: 'hidden_size',
    inner: 'intermediate_size, moe_intermediate_size, n_shared_experts',
    heads: 'num_attention_heads',
    headSize: 'qk_nope_head_dim, qk_rope_head_dim, v_head_dim, q_lora_rank, kv_lora_rank',
  },
  storage: (spec) =>
    new Map(
      [...storageOf(spec, partNames)].map(([name, stored]) => [
        name,
        { ...stored, tensor: stored.tensor.replace(/\.mlp\.gate\.bias$/, '.mlp.gate.e_score_correction_bias') },
      ]),
    ),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where);
    config.unsupported('moe_layer_freq', 'experts in every n-th layer alone are not supported', [1]);
    config.unsupported('scoring_func', 'only sigmoid is supported', ['sigmoid']);
    config.unsupported('topk_method', 'only noaux_tc is supported', ['noaux_tc']);
    const rotated = config.count('qk_rope_head_dim', 64);
    const headSize = config.count('qk_nope_head_dim', 128) + rotated;
    const numHeads = config.count('num_attention_heads');
    config.unsupported('num_key_value_heads', 'each head has keys of its own', [numHeads]);
    const decoder = readLlamaLike(config, 'deepseek_v3', {
      norm: { kind: 'rmsnorm', epsilon: config.positive('rms_norm_eps', 1e-6) },
      headSize,
      positions: readPositions(config, rotated),
      maxPositions: 4096,
      innerSize: config.count('moe_intermediate_size', 2048),
    });
    const { numLayers } = decoder;
    return {
      ...decoder,
      attention: {
        ...decoder.attention,
        numKeyValueHeads: numHeads,
        qkvBias: false,
        scales: Array(numLayers).fill(readScale(config, headSize)),
        latent: readLatent(config),
      },
      mlp: { ...decoder.mlp, experts: readMixture(config, numLayers) },
    };
  },
};

function readPositions(config: ConfigReader, rotated: number): PositionSpec {
  config.unsupported('head_dim', 'rotated coordinates are counted by qk_rope_head_dim', [rotated]);
  const positions = readRotary(config, rotated, undefined, undefined, { positions: 4096 });
  return { ...positions, size: rotated, ...(config.flag('rope_interleave', true) ? { interleaved: true } : {}) };
}

/** 1/√size, times the square of YaRN's factor where `mscale_all_dim` asks for it. */
function readScale(config: ConfigReader, headSize: number): number {
  const scaling = config.optionalObject('rope_parameters') ?? config.optionalObject('rope_scaling');
  const weight = scaling?.optionalPositive('mscale_all_dim') ?? null;
  const factor = scaling === null || weight === null ? 1 : yarnScale(scaling.positive('factor'), weight);
  return factor ** 2 / Math.sqrt(headSize);
}

function readLatent(config: ConfigReader): LatentSpec {
  return {
    queryRank: config.nullableCount('q_lora_rank', 1536),
    keyValueRank: config.count('kv_lora_rank', 512),
    valueSize: config.count('v_head_dim', 128),
    // The reference code takes no notice of rms_norm_eps here.
    norm: { kind: 'rmsnorm', epsilon: 1e-6 },
    bias: config.flag('attention_bias', false),
  };
}

function readMixture(config: ConfigReader, numLayers: DecoderSpec['numLayers']): ExpertsSpec {
  const normalized = config.flag('norm_topk_prob', true);
  const experts = readExperts(config, { countKey: 'n_routed_experts', count: 256, perToken: 8, normalized });
  const groups = config.count('n_group', 8);
  const groupsPerToken = config.count('topk_group', 4);
  const inGroup = experts.count / groups;
  if (!Number.isInteger(inGroup) || inGroup < 2) {
    throw config.wrong(`n_group is ${groups}, expected groups of 2 or more of n_routed_experts (${experts.count})`);
  }
  if (groupsPerToken > groups) {
    throw config.wrong(`topk_group is ${groupsPerToken}, expected at most n_group (${groups})`);
  }
  if (experts.perToken > groupsPerToken * inGroup) {
    throw config.wrong(
      `num_experts_per_tok is ${experts.perToken}, more than topk_group (${groupsPerToken}) groups hold`,
    );
  }
  const first = config.zeroOrCount('first_k_dense_replace', 3);
  const layers = Array.from({ length: numLayers }, (_, layer) => layer < first);
  return {
    ...experts,
    sharedInnerSize: config.count('moe_intermediate_size', 2048) * config.count('n_shared_experts', 1),
    ungatedShared: true,
    sigmoid: { groups, groupsPerToken, scale: config.positive('routed_scaling_factor', 2.5) },
    ...(first === 0 ? {} : { dense: { layers, innerSize: config.count('intermediate_size', 18_432) } }),
  };
}
