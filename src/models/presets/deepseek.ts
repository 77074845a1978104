import { type LlamaSize, llama } from './llama.ts';
import { billions, type Preset, published } from './preset.ts';

const sevenDeep = { layers: 30, width: 4096, heads: 32, inner: 11_008, parameters: 6_910_365_696 };
const sixtySevenDeep = { layers: 95, width: 8192, heads: 64, keyValueHeads: 8, inner: 22_016 };

const deepseek = 'DeepSeek-AI 2024 (DeepSeek LLM), Table 2; deepseek-ai';
const deepseeks: readonly LlamaSize[] = [
  { id: 'deepseek-llm-7b', name: 'DeepSeek LLM 7B', ...sevenDeep, source: `${deepseek}/deepseek-llm-7b-base` },
  {
    id: 'deepseek-llm-67b',
    name: 'DeepSeek LLM 67B',
    ...sixtySevenDeep,
    parameters: billions('67'),
    source: `${deepseek}/deepseek-llm-67b-base`,
  },
];

/** DeepSeek-V3 without the layer of its checkpoint that predicts the token after the next. */
const deepseekV3: Preset = {
  id: 'deepseek-v3',
  name: 'DeepSeek-V3',
  config: {
    model_type: 'deepseek_v3',
    ...published('DeepseekV3ForCausalLM', 'bfloat16'),
    vocab_size: 129_280,
    hidden_size: 7168,
    intermediate_size: 18_432,
    moe_intermediate_size: 2048,
    num_hidden_layers: 61,
    first_k_dense_replace: 3,
    moe_layer_freq: 1,
    num_attention_heads: 128,
    num_key_value_heads: 128,
    q_lora_rank: 1536,
    kv_lora_rank: 512,
    qk_nope_head_dim: 128,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
    n_routed_experts: 256,
    n_shared_experts: 1,
    num_experts_per_tok: 8,
    n_group: 8,
    topk_group: 4,
    routed_scaling_factor: 2.5,
    norm_topk_prob: true,
    scoring_func: 'sigmoid',
    topk_method: 'noaux_tc',
    hidden_act: 'silu',
    max_position_embeddings: 163_840,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    rope_scaling: {
      type: 'yarn',
      factor: 40,
      original_max_position_embeddings: 4096,
      beta_fast: 32,
      beta_slow: 1,
      mscale: 1,
      mscale_all_dim: 1,
    },
    attention_bias: false,
    tie_word_embeddings: false,
  },
  published: billions('671'),
  source: 'DeepSeek-AI 2024 (DeepSeek-V3), §4.2; deepseek-ai/DeepSeek-V3',
  note: 'The published weights are of 8 bits, with a scale for each block of them, and hold a further layer that predicts the token after the next.',
};

/** DeepSeek LLM, which is a Llama, and DeepSeek-V3. */
export const deepseekPresets: readonly Preset[] = [
  ...deepseeks.map((size) =>
    llama(size, {
      vocab_size: 102_400,
      max_position_embeddings: 4096,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      torch_dtype: 'bfloat16',
      tie_word_embeddings: false,
    }),
  ),
  deepseekV3,
];
