import { expect, test } from 'vitest';
import { InputError, RefusalError } from '../../core/errors.ts';
import { type Config, parsed } from './families.fixture.ts';

test.each<[string, Config, object]>([
  [
    'qwen3_moe',
    { norm_topk_prob: undefined, mlp_only_layers: undefined, decoder_sparse_step: 2 },
    { mlp: { innerSize: 16, experts: { normalized: false, dense: { layers: [true, false, true], innerSize: 40 } } } },
  ],
  ['qwen3_moe', { head_dim: undefined }, { attention: { headSize: 8 } }],
  ['qwen2_moe', { qkv_bias: false }, { attention: { qkvBias: false, outputBias: false } }],
  [
    'qwen2_moe',
    { use_sliding_window: true, sliding_window: 7, max_window_layers: 1, transformers_version: '4.56.2' },
    { attention: { windows: [7, 7] } },
  ],
  ['qwen2', { head_dim: 16 }, { attention: { headSize: 16 } }],
  [
    'gemma3_text',
    {
      query_pre_attn_scalar: undefined,
      sliding_window: undefined,
      sliding_window_pattern: undefined,
      head_dim: undefined,
      rope_scaling: null,
    },
    {
      attention: { headSize: 256, scales: [1 / 16, 1 / 16, 1 / 16], windows: [4096, 4096, 4096] },
      positions: { base: 1e6, local: { base: 1e4, layers: [true, true, true] } },
    },
  ],
  [
    'gemma3_text',
    {
      layer_types: ['full_attention', 'sliding_attention', 'full_attention'],
      rope_parameters: {
        full_attention: { rope_type: 'default', rope_theta: 5e5 },
        sliding_attention: { rope_type: 'default', rope_theta: 100 },
      },
      rope_scaling: undefined,
    },
    {
      attention: { windows: [null, 5, null] },
      positions: { base: 5e5, local: { base: 100, layers: [false, true, false] } },
    },
  ],
  [
    'granite',
    {
      attention_multiplier: undefined,
      embedding_multiplier: undefined,
      residual_multiplier: undefined,
      logits_scaling: 8,
    },
    { attention: { scales: [1, 1] }, embeddingScale: 1, residualScale: 1, logitScale: 1 / 8 },
  ],
  [
    'deepseek_v3',
    {
      rms_norm_eps: 0.1,
      first_k_dense_replace: 0,
      num_experts_per_tok: undefined,
      n_group: 2,
      topk_group: 2,
      n_shared_experts: undefined,
      routed_scaling_factor: undefined,
      q_lora_rank: null,
      rope_scaling: null,
    },
    {
      norm: { epsilon: 0.1 },
      attention: { latent: { queryRank: null, norm: { epsilon: 1e-6 } }, scales: Array(2).fill(1 / Math.sqrt(14)) },
      mlp: { experts: { perToken: 8, sharedInnerSize: 16, sigmoid: { groups: 2, scale: 2.5 } } },
    },
  ],
  [
    'phi3',
    {
      rope_scaling: { type: 'su', short_factor: Array(5).fill(1), long_factor: Array(5).fill(2) },
      max_position_embeddings: 131_072,
    },
    { positions: { scaling: { kind: 'longrope', originalPositions: 4096, attentionFactor: Math.sqrt(17 / 12) } } },
  ],
  ['llama', { pretraining_tp: 2 }, { numLayers: 3 }],
])('%s with %j', (name, changes, expected) => {
  expect(parsed(name, changes)).toMatchObject(expected);
});

test.each<[string, Config, string]>([
  ['qwen3_moe', { mlp_only_layers: [-1] }, 'mlp_only_layers is [-1], expected a list of whole numbers from 0'],
  ['deepseek_v3', { n_group: 3 }, 'n_group is 3, expected groups of 2 or more of n_routed_experts (8)'],
  ['deepseek_v3', { n_group: 8 }, 'n_group is 8, expected groups of 2 or more'],
  ['deepseek_v3', { topk_group: 5 }, 'topk_group is 5, expected at most n_group (4)'],
  ['deepseek_v3', { num_experts_per_tok: 5 }, 'num_experts_per_tok is 5, more than topk_group (2) groups hold'],
])('%s with %j contradicts itself', (name, changes, message) => {
  expect(() => parsed(name, changes)).toThrow(InputError);
  expect(() => parsed(name, changes)).toThrow(`config.json: ${message}`);
});

test.each<[string, Config, string]>([
  ['deepseek_v3', { scoring_func: 'softmax' }, 'scoring_func is "softmax"'],
  ['deepseek_v3', { topk_method: 'greedy' }, 'topk_method is "greedy"'],
  ['deepseek_v3', { moe_layer_freq: 2 }, 'moe_layer_freq is 2'],
  ['deepseek_v3', { num_key_value_heads: 2 }, 'num_key_value_heads is 2'],
  ['deepseek_v3', { head_dim: 6 }, 'head_dim is 6'],
])('%s with %j is refused', (name, changes, message) => {
  expect(() => parsed(name, changes)).toThrow(RefusalError);
  expect(() => parsed(name, changes)).toThrow(`config.json: ${message}`);
});
