import { describe, expect, test } from 'vitest';
import { InputError, RefusalError } from '../../core/errors.ts';
import { type Config, expectError, parse, parsed } from './families.fixture.ts';
import { families } from './index.ts';

describe('missing keys take the defaults of transformers', () => {
  test('gpt2', () => {
    const bare = parse({ model_type: 'gpt2', vocab_size: 10, n_embd: 8, n_head: 2, n_layer: 2, n_positions: 4 });
    expect(bare).toMatchObject({
      norm: { kind: 'layernorm', epsilon: 1e-5 },
      finalNorm: { kind: 'layernorm', epsilon: 1e-5 },
      mlp: { innerSize: 32, activation: 'gelu_tanh' },
      attention: { scales: [0.5, 0.5], headSize: 4 },
      tiedHead: true,
    });
  });

  test.each<[string, object]>([
    [
      'gpt2',
      { vocabularySize: 50_257, hiddenSize: 768, numLayers: 12, maxPositions: 1024, attention: { numHeads: 12 } },
    ],
    ['gpt_bigcode', { vocabularySize: 50_257, hiddenSize: 768, numLayers: 12, attention: { numKeyValueHeads: 1 } }],
    ['gpt_neo', { vocabularySize: 50_257, hiddenSize: 2048, numLayers: 24, attention: { numHeads: 16 } }],
    [
      'gpt_neox',
      { vocabularySize: 50_432, hiddenSize: 6144, numLayers: 44, mlp: { innerSize: 24_576 }, positions: { size: 24 } },
    ],
    ['gptj', { vocabularySize: 50_400, hiddenSize: 4096, numLayers: 28, tiedHead: false, positions: { size: 64 } }],
    ['codegen', { vocabularySize: 50_400, hiddenSize: 4096, numLayers: 28, maxPositions: 2048, tiedHead: false }],
    ['falcon', { vocabularySize: 65_024, hiddenSize: 4544, numLayers: 32, attention: { numHeads: 71 } }],
    ['mpt', { vocabularySize: 50_368, hiddenSize: 2048, numLayers: 24, attention: { numHeads: 16, clip: null } }],
    ['opt', { vocabularySize: 50_272, hiddenSize: 768, numLayers: 12, mlp: { innerSize: 3072, activation: 'relu' } }],
    ['bloom', { vocabularySize: 250_880, hiddenSize: 64, numLayers: 2, attention: { numHeads: 8 } }],
  ])('%s with no key at all', (name, expected) => {
    expect(parse({ model_type: name })).toMatchObject(expected);
  });

  test.each<[string, Config, object]>([
    ['gpt2', { hidden_size: 64, max_position_embeddings: 7, num_hidden_layers: 5, num_attention_heads: 2 }, {}],
    ['gptj', { hidden_size: 64, max_position_embeddings: 7, num_hidden_layers: 5, num_attention_heads: 2 }, {}],
    ['gpt_neo', { hidden_size: 64, num_hidden_layers: 24, num_attention_heads: 2 }, { maxPositions: 2048 }],
    ['mpt', { hidden_size: 64, num_hidden_layers: 5, num_attention_heads: 2 }, { maxPositions: 2048 }],
    ['bloom', { n_embed: 64, num_hidden_layers: 5, num_attention_heads: 2 }, { maxPositions: null }],
  ])('%s takes the other names of its sizes', (name, names, expected) => {
    expect(parse({ model_type: name, rotary_dim: 4, n_embd: 8, d_model: 8, hidden_size: 8, ...names })).toMatchObject({
      hiddenSize: 64,
      numLayers: names.num_hidden_layers,
      maxPositions: 7,
      attention: { numHeads: 2 },
      ...expected,
    });
  });

  test('llama and olmo', () => {
    const sizes = {
      vocab_size: 10,
      hidden_size: 8,
      num_attention_heads: 2,
      num_hidden_layers: 2,
      intermediate_size: 6,
    };
    const common = {
      attention: { numKeyValueHeads: 2, headSize: 4, qkvBias: false, outputBias: false, clip: null },
      positions: { kind: 'rotary', base: 10_000 },
      mlp: { activation: 'silu', bias: false },
      maxPositions: 2048,
      tiedHead: false,
    };
    const norm = { kind: 'rmsnorm', epsilon: 1e-6 };
    expect(parse({ model_type: 'llama', ...sizes })).toMatchObject({ ...common, norm, finalNorm: norm });
    const plain = { kind: 'layernorm-nonparametric', epsilon: 1e-5 };
    expect(parse({ model_type: 'olmo', ...sizes })).toMatchObject({ ...common, norm: plain, finalNorm: plain });
  });
});

describe('keys that change the decoder', () => {
  test.each<[string, Config, object]>([
    ['gpt2', { scale_attn_weights: false }, { attention: { scales: [1, 1, 1] } }],
    ['gpt2', { n_embd: 64, scale_attn_by_inverse_layer_idx: true }, { attention: { scales: [1 / 4, 1 / 8, 1 / 12] } }],
    ['gpt2', { activation_function: 'gelu' }, { mlp: { activation: 'gelu' } }],
    ['gpt2', { n_inner: 7 }, { mlp: { innerSize: 7 } }],
    ['llama', { head_dim: 10 }, { attention: { headSize: 10, scales: Array(3).fill(1 / Math.sqrt(10)) } }],
    ['llama', { head_dim: null, num_key_value_heads: null }, { attention: { headSize: 12, numKeyValueHeads: 4 } }],
    [
      'llama',
      { attention_bias: true, mlp_bias: true },
      { attention: { qkvBias: true, outputBias: true }, mlp: { bias: true } },
    ],
    ['llama', { rope_theta: 5e5 }, { positions: { base: 5e5 } }],
    [
      'llama',
      { rope_theta: undefined, rope_parameters: { rope_type: 'default', rope_theta: 5e5 } },
      { positions: { base: 5e5 } },
    ],
    ['llama', { rope_scaling: { rope_type: 'default' } }, { positions: { base: 1e4 } }],
    [
      'llama',
      { rope_scaling: { type: 'linear', factor: 2 } },
      { positions: { base: 1e4, scaling: { kind: 'linear', factor: 2 } } },
    ],
    [
      'llama',
      {
        rope_parameters: {
          rope_type: 'llama3',
          rope_theta: 5e5,
          factor: 8,
          low_freq_factor: 1,
          high_freq_factor: 4,
          original_max_position_embeddings: 8192,
        },
      },
      {
        positions: {
          base: 5e5,
          scaling: {
            kind: 'llama3',
            factor: 8,
            lowFrequencyFactor: 1,
            highFrequencyFactor: 4,
            originalPositions: 8192,
          },
        },
      },
    ],
    ['mistral_window', { sliding_window: undefined }, { attention: { windows: [4096, 4096] } }],
    [
      'mistral_window',
      { num_attention_heads: 8, num_key_value_heads: undefined },
      { attention: { numKeyValueHeads: 8 } },
    ],
    [
      'qwen2',
      { use_sliding_window: true, sliding_window: 7, max_window_layers: 1, transformers_version: '4.53.0' },
      { attention: { windows: [null, 7], qkvBias: true, outputBias: false } },
    ],
    [
      'qwen2',
      { use_sliding_window: true, sliding_window: 7, max_window_layers: 1, transformers_version: '4.52.4' },
      { attention: { windows: [7, 7] } },
    ],
    ['gemma', { hidden_activation: null, hidden_act: 'gelu' }, { mlp: { activation: 'gelu_tanh' } }],
    [
      'gemma',
      { hidden_activation: 'silu', hidden_act: 'gelu', transformers_version: '4.52.4' },
      { mlp: { activation: 'gelu' } },
    ],
    ['gemma', { hidden_activation: 'silu', hidden_act: 'gelu' }, { mlp: { activation: 'silu' } }],
    ['gemma', { hidden_act: undefined, transformers_version: '4.48.0' }, { mlp: { activation: 'gelu_tanh' } }],
    [
      'gemma2',
      { query_pre_attn_scalar: undefined, attn_logit_softcapping: undefined, final_logit_softcapping: undefined },
      { attention: { scales: [1 / 16, 1 / 16], scoreCap: 50, windows: [6, null] }, logitCap: 30, tiedHead: true },
    ],
    ['glm4', { partial_rotary_factor: 1 }, { positions: { kind: 'rotary', base: 1e4, interleaved: true } }],
    ['gpt_neox_parallel', { use_parallel_residual: undefined }, { parallel: 'two_norms' }],
    ['gpt_neox_parallel', { hidden_size: 64, rotary_pct: undefined }, { positions: { size: 4, base: 1e4 } }],
    ['opt', { do_layer_norm_before: false }, { placement: 'post', finalNorm: null }],
    ['opt', { _remove_final_layer_norm: true }, { placement: 'pre', finalNorm: null }],
    ['opt', { enable_bias: false }, { attention: { qkvBias: false, outputBias: false }, mlp: { bias: false } }],
    ['opt', { layer_norm_elementwise_affine: false }, { norm: { kind: 'layernorm-nonparametric', epsilon: 1e-5 } }],
    ['gpt_bigcode', { multi_query: false }, { attention: { numKeyValueHeads: 4, projection: 'fused_by_group' } }],
    [
      'gpt_neo',
      {
        num_layers: 3,
        attention_layers: undefined,
        attention_types: [
          [['local'], 1],
          [['global', 'local'], 1],
        ],
      },
      { attention: { windows: [5, null, 5], scales: [1, 1, 1] } },
    ],
    [
      'stablelm',
      { use_parallel_residual: true, use_qkv_bias: true },
      { parallel: 'shared_norm', attention: { qkvBias: true } },
    ],
    ['mpt', { attn_config: { clip_qkv: 6, softmax_scale: 2 } }, { attention: { clip: 6, scales: [2, 2] } }],
    ['mpt', { attn_config: { clip_qkv: 0 } }, { attention: { clip: null, scales: Array(2).fill(1 / 3) } }],
    [
      'mpt',
      { no_bias: false, logit_scale: 'inv_sqrt_d_model', expansion_ratio: 2, learned_pos_emb: true },
      { attention: { qkvBias: false }, mlp: { innerSize: 144, bias: false }, positions: { kind: 'alibi' } },
    ],
    [
      'mpt',
      { attn_config: { alibi: false, alibi_bias_max: 16, qk_ln: true } },
      { attention: { qkNorm: null }, positions: { slopes: [2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8] } },
    ],
    ['gpt_neo', { attention_layers: ['local', 'local'] }, { attention: { windows: [5, 5] } }],
    ['gpt_neox_parallel', { rope_theta: 5, partial_rotary_factor: 0.3 }, { positions: { base: 1e4 } }],
    [
      'gpt_neox_parallel',
      {
        hidden_size: 64,
        rotary_pct: undefined,
        rotary_emb_base: undefined,
        rope_parameters: { rope_theta: 500, partial_rotary_factor: 0.5, rope_type: 'linear', factor: 2 },
      },
      { positions: { base: 500, size: 8, scaling: { kind: 'linear', factor: 2 } } },
    ],
    ['gptj', { n_head: 1, rotary_dim: null }, { positions: { kind: 'rotary', interleaved: true } }],
    ['falcon_new_arch', { n_embed: 96, ffn_hidden_size: undefined }, { hiddenSize: 96, mlp: { innerSize: 192 } }],
    ['starcoder2', { head_dim: 6 }, { attention: { headSize: 6 } }],
    ['cohere', { head_dim: 6 }, { attention: { headSize: 6 } }],
    ['olmo', { head_dim: 6 }, { attention: { headSize: 6 } }],
    ['gpt2', { activation_function: 'gelu_python' }, { mlp: { activation: 'gelu' } }],
    ['gpt2', { activation_function: 'quick_gelu' }, { mlp: { activation: 'gelu_quick' } }],
    ['gpt2', { activation_function: 'gelu_accurate' }, { mlp: { activation: 'gelu_tanh' } }],
    ['bloom', { hidden_size: undefined, n_embed: 72 }, { hiddenSize: 72, mlp: { innerSize: 288 } }],
    [
      'cohere2',
      { layer_types: ['full_attention', 'sliding_attention'] },
      { attention: { windows: [null, 6] }, positions: { layers: [false, true] } },
    ],
    [
      'starcoder2',
      { sliding_window: 4, use_bias: false },
      { attention: { windows: [4, 4], qkvBias: false }, mlp: { bias: false } },
    ],
    [
      'falcon_new_arch',
      { new_decoder_architecture: false, num_ln_in_parallel_attn: null },
      { parallel: 'shared_norm', attention: { numKeyValueHeads: 1 } },
    ],
    [
      'falcon_new_arch',
      { num_ln_in_parallel_attn: 1 },
      { parallel: 'shared_norm', attention: { numKeyValueHeads: 2 } },
    ],
    ['falcon_new_arch', { ffn_hidden_size: undefined }, { mlp: { innerSize: 192, bias: false } }],
    [
      'mixtral',
      { num_local_experts: undefined, rope_theta: undefined, sliding_window: 3 },
      {
        mlp: { experts: { count: 8, perToken: 2, normalized: true } },
        positions: { base: 1e6 },
        attention: { windows: [3, 3] },
      },
    ],
    [
      'olmoe',
      { norm_topk_prob: true, clip_qkv: 2 },
      { mlp: { experts: { normalized: true } }, attention: { clip: 2 } },
    ],
    [
      'qwen2_moe',
      { shared_expert_intermediate_size: undefined, mlp_only_layers: null },
      { mlp: { innerSize: 24, experts: { sharedInnerSize: 5632 } } },
    ],
    ['olmo', { clip_qkv: 8 }, { attention: { clip: 8 } }],
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
    ['olmo', { layer_norm_eps: 1 }, { norm: { epsilon: 1e-5 } }],
    [
      'gpt2',
      { normlab: { norm: 'rmsnorm' } },
      { norm: { kind: 'rmsnorm-bias', epsilon: 1e-5 }, finalNorm: { kind: 'rmsnorm-bias' } },
    ],
    [
      'bloom',
      { normlab: { norm: 'rmsnorm', recentreInput: true } },
      { norm: { kind: 'rmsnorm-bias' }, embeddingNorm: { kind: 'layernorm' }, recentreInput: true },
    ],
    [
      'xglm',
      { normlab: { norm: 'rmsnorm', recentreInput: true } },
      { norm: { kind: 'rmsnorm-bias' }, recentreInput: true },
    ],
    [
      'cohere_qk',
      { normlab: { norm: 'rmsnorm', qkNorm: 'rmsnorm' } },
      { attention: { qkNorm: { norm: { kind: 'rmsnorm' }, extent: 'each_head' } } },
    ],
    ['olmo', { normlab: { norm: 'rmsnorm', recentreInput: false } }, { norm: { kind: 'rmsnorm-nonparametric' } }],
  ])('%s with %j', (name, changes, expected) => {
    expect(parsed(name, changes)).toMatchObject(expected);
  });
});

describe('refused in one line that names the key', () => {
  const input: [string, Config, string][] = [
    ['llama', { hidden_size: undefined }, 'hidden_size is missing, expected a whole number from 1'],
    ['gpt2', { hidden_size: '48' }, 'hidden_size is "48", expected a whole number from 1'],
    ['gpt2', { num_attention_heads: 5 }, 'n_embd is 48, expected a multiple of num_attention_heads (5)'],
    ['gpt2', { n_embd: null }, 'n_embd is null, expected a whole number from 1'],
    ['gpt2', { n_embd: '48' }, 'n_embd is "48", expected a whole number from 1'],
    ['gpt2', { n_embd: 4.5 }, 'n_embd is 4.5'],
    ['gpt2', { n_layer: 0 }, 'n_layer is 0'],
    ['gpt2', { n_layer: 2 ** 31 }, 'n_layer is 2147483648, expected a whole number from 1 to 2000'],
    ['llama', { num_hidden_layers: 1e7 }, 'num_hidden_layers is 10000000, expected a whole number from 1 to 2000'],
    ['gpt2', { vocab_size: -3 }, 'vocab_size is -3'],
    ['gpt2', { n_inner: [1, 2] }, 'n_inner is [1,2]'],
    ['gpt2', { n_embd: 50 }, 'n_embd is 50, expected a multiple of n_head (4)'],
    ['gpt2', { layer_norm_epsilon: 0 }, 'layer_norm_epsilon is 0, expected a number above 0'],
    ['gpt2', { layer_norm_epsilon: '1e-5' }, 'layer_norm_epsilon is "1e-5"'],
    ['gpt2', { tie_word_embeddings: 'yes' }, 'tie_word_embeddings is "yes", expected true or false'],
    ['gpt2', { activation_function: 3 }, 'activation_function is 3, expected a name'],
    ['gpt2', { normlab: 'rmsnorm' }, 'normlab is "rmsnorm", expected an object'],
    ['gpt2', { normlab: {} }, 'normlab.norm is missing'],
    ['llama', { num_key_value_heads: 3 }, 'num_key_value_heads is 3, expected a divisor of num_attention_heads (4)'],
    ['llama', { head_dim: 7 }, "the heads' size is 7, but rotary positions need an even one"],
    [
      'llama',
      { head_dim: undefined, hidden_size: 50 },
      'hidden_size is 50, expected a multiple of num_attention_heads (4)',
    ],
    ['llama', { rms_norm_eps: -1 }, 'rms_norm_eps is -1'],
    ['bloom', { hidden_size: 2 ** 40, n_head: 2 ** 30 }, 'n_head is 1073741824, expected at most 65536'],
    ['llama', { rope_scaling: 'linear' }, 'rope_scaling is "linear", expected an object'],
    ['llama', { rope_scaling: { rope_type: 'linear' } }, 'rope_scaling.factor is missing'],
    [
      'llama',
      { rope_scaling: { rope_type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 4 } },
      'rope_scaling.high_freq_factor is 4, expected more than low_freq_factor',
    ],
    ['gptj', { rotary_dim: 14 }, "rotary_dim is 14, expected an even number up to the heads' size (12)"],
    ['codegen', { n_head: 6 }, 'n_head is 6, expected a multiple of 4'],
    [
      'gpt_neo',
      { num_layers: 3, attention_layers: undefined },
      'attention_types gives 2 layers, expected num_layers (3)',
    ],
    [
      'gpt_neo',
      { attention_layers: undefined, attention_types: [[['global'], 1e15]] },
      'attention_types gives 1000000000000000 layers, expected num_layers (2)',
    ],
    ['gpt_neo', { attention_layers: undefined, attention_types: [['global', 2]] }, 'attention_types: expected lists'],
    ['gpt_neo', { attention_layers: ['local'] }, 'attention_layers has 1 entries, expected num_layers (2)'],
    ['gptj', { rotary_dim: null }, 'rotary_dim is null, expected a whole number from 1'],
    ['gpt_neox_parallel', { rotary_pct: 0.1 }, 'rotary_pct is 0.1: 1 of 12 coordinates of a head are rotated'],
    ['qwen2', { use_sliding_window: true, layer_types: ['full_attention'] }, 'layer_types has 1 entries'],
    ['olmoe', { num_experts_per_tok: 7 }, 'num_experts_per_tok is 7, expected at most num_experts (6)'],
    [
      'glm4',
      { partial_rotary_factor: 0.4375 },
      'partial_rotary_factor is 0.4375: 7 of 16 coordinates of a head are rotated',
    ],
    ['gemma2', { final_logit_softcapping: 0 }, 'final_logit_softcapping is 0'],
    ['llama', { rope_parameters: { rope_theta: 0 } }, 'rope_parameters.rope_theta is 0'],
    ['olmo', { clip_qkv: 0 }, 'clip_qkv is 0'],
    [
      'llama',
      { rope_scaling: { type: 'longrope', factor: 2, short_factor: [1], long_factor: [1] } },
      'rope_scaling.short_factor has 1 entries, expected one for each of 6 pairs',
    ],
    [
      'llama',
      { rope_scaling: { type: 'longrope', factor: 2, short_factor: [0] } },
      'rope_scaling.short_factor is [0], expected a list of numbers above 0',
    ],
    ['llama', { rope_scaling: { type: 'yarn' } }, 'rope_scaling.factor is missing'],
    ['qwen3_moe', { mlp_only_layers: [-1] }, 'mlp_only_layers is [-1], expected a list of whole numbers from 0'],
    [
      'mixtral',
      { num_local_experts: 2 ** 32 },
      'num_local_experts is 4294967296, expected a whole number from 1 to 4096',
    ],
    ['deepseek_v3', { n_group: 3 }, 'n_group is 3, expected groups of 2 or more of n_routed_experts (8)'],
    ['deepseek_v3', { n_group: 8 }, 'n_group is 8, expected groups of 2 or more'],
    ['deepseek_v3', { topk_group: 5 }, 'topk_group is 5, expected at most n_group (4)'],
    ['deepseek_v3', { num_experts_per_tok: 5 }, 'num_experts_per_tok is 5, more than topk_group (2) groups hold'],
    ['gpt2', { model_type: undefined }, 'model_type is missing'],
    ['gpt2', { model_type: 7 }, 'model_type is "7", expected a name'],
  ];
  const unsupported: [string, Config, string][] = [
    ['gpt2', { activation_function: 'mish' }, 'activation_function is "mish", which is not supported; supported: gelu'],
    ['gpt2', { activation_function: 'constructor' }, 'activation_function is "constructor"'],
    ['gpt2', { add_cross_attention: true }, 'add_cross_attention is true'],
    ['gpt2', { quantization_config: { bits: 4 } }, 'quantization_config is {"bits":4}'],
    ['gpt2', { normlab: { norm: 'crmsnorm' } }, 'normlab.norm is "crmsnorm"'],
    ['gpt2', { normlab: { norm: 'rmsnorm', recentreInput: true } }, 'normlab.recentreInput is true'],
    ['gpt2', { normlab: { norm: 'rmsnorm', qkNorm: 'rmsnorm' } }, 'normlab.qkNorm is "rmsnorm"'],
    ['phi', { normlab: { norm: 'rmsnorm', qkNorm: 'rmsnorm' } }, 'normlab.qkNorm is "rmsnorm"'],
    ['xglm', { normlab: { norm: 'rmsnorm', qkNorm: 'rmsnorm' } }, 'normlab.qkNorm is "rmsnorm"'],
    ['phi_qk', { normlab: { norm: 'rmsnorm', qkNorm: 'crmsnorm' } }, 'normlab.qkNorm is "crmsnorm"'],
    ['falcon_new_arch', { parallel_attn: false }, 'parallel_attn is false'],
    ['bloom', { pretraining_tp: 2, slow_but_exact: true }, 'slow_but_exact is true'],
    ['gpt_neo', { attention_layers: ['local', 'far'] }, 'attention_layers is "far", which is not supported'],
    ['mpt', { norm_type: 'rmsnorm' }, 'norm_type is "rmsnorm"'],
    ['cohere2', { layer_types: ['chunked_attention', 'full_attention'] }, 'layer_types is "chunked_attention"'],
    ['llama', { rope_scaling: { factor: 2 } }, 'rope_scaling.factor is 2'],
    ['llama', { partial_rotary_factor: 0.5 }, 'partial_rotary_factor is 0.5'],
    ['llama', { rope_scaling: { type: 'mrope', factor: 2 } }, 'rope_scaling.type is "mrope"'],
    ['llama', { rope_scaling: { type: 'yarn', factor: 2, truncate: false } }, 'rope_scaling.truncate is false'],
    ['deepseek_v3', { scoring_func: 'softmax' }, 'scoring_func is "softmax"'],
    ['deepseek_v3', { topk_method: 'greedy' }, 'topk_method is "greedy"'],
    ['deepseek_v3', { moe_layer_freq: 2 }, 'moe_layer_freq is 2'],
    ['deepseek_v3', { num_key_value_heads: 2 }, 'num_key_value_heads is 2'],
    ['deepseek_v3', { head_dim: 6 }, 'head_dim is 6'],
    ['llama', { hidden_act: 'siluu' }, 'hidden_act is "siluu"'],
    [
      'gpt2',
      { model_type: 'gpt3' },
      'model_type is "gpt3", an architecture that normlab does not read; supported: gpt2,',
    ],
    ['gpt2', { model_type: 'a\nb' }, 'model_type is "a\\nb"'],
  ];
  test.each(input)('%s with %j', (name, changes, message) => expectError(name, changes, InputError, message));
  test.each(unsupported)('%s with %j', (name, changes, message) => expectError(name, changes, RefusalError, message));
});

test.each<[string, Config, string]>([
  ['mistral_window', { sliding_window: null }, 'windows'],
  ['qwen2', { sliding_window: 4 }, 'windows'],
  ['gemma2', { attn_logit_softcapping: null }, 'scoreCap'],
])('%s with %j has no %s in its attention', (name, changes, key) => {
  expect(new Map(Object.entries(parsed(name, changes).attention)).get(key)).toBeUndefined();
});

test('a GPT-NeoX without parallel branches is sequential', () => {
  expect(parsed('gpt_neox_parallel', { use_parallel_residual: false }).parallel).toBeUndefined();
});

test('no two families read the same model_type', () => {
  const types = families.flatMap(({ modelTypes }) => modelTypes);
  expect(new Set(types).size).toBe(types.length);
});
