import { exactly, type Preset, published } from './preset.ts';

const first: readonly Preset[] = (
  [
    ['olmo-1b', 'OLMo 1B', 16, 2048, 16, 8192, true, 1_176_764_416, 'OLMo-1B-hf'],
    ['olmo-7b', 'OLMo 7B', 32, 4096, 32, 11_008, false, 6_888_095_744, 'OLMo-7B-hf'],
  ] as const
).map(([id, name, layers, width, heads, inner, tied, parameters, repository]) => ({
  id,
  name,
  config: {
    model_type: 'olmo',
    ...published('OlmoForCausalLM', 'float32'),
    vocab_size: 50_304,
    hidden_size: width,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: heads,
    max_position_embeddings: 2048,
    rope_theta: 10_000,
    clip_qkv: null,
    tie_word_embeddings: tied,
  },
  published: exactly(parameters),
  source: `Groeneveld et al. 2024, Table 1; allenai/${repository}`,
}));

const second: readonly Preset[] = (
  [
    ['olmo-2-1b', 'OLMo 2 1B', 16, 2048, 16, 16, 8192, 1_484_916_736, 'OLMo-2-0425-1B'],
    ['olmo-2-7b', 'OLMo 2 7B', 32, 4096, 32, 32, 11_008, 7_298_617_344, 'OLMo-2-1124-7B'],
    ['olmo-2-13b', 'OLMo 2 13B', 40, 5120, 40, 40, 13_824, 13_716_198_400, 'OLMo-2-1124-13B'],
    ['olmo-2-32b', 'OLMo 2 32B', 64, 5120, 40, 8, 27_648, 32_234_279_936, 'OLMo-2-0325-32B'],
  ] as const
).map(([id, name, layers, width, heads, keyValueHeads, inner, parameters, repository]) => ({
  id,
  name,
  config: {
    model_type: 'olmo2',
    ...published('Olmo2ForCausalLM'),
    vocab_size: 100_352,
    hidden_size: width,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-6,
    rope_theta: 500_000,
    tie_word_embeddings: false,
  },
  published: exactly(parameters),
  source: `OLMo et al. 2024 (OLMo 2), Table 1; allenai/${repository}`,
}));

const mixture: Preset = {
  id: 'olmoe-1b-7b',
  name: 'OLMoE-1B-7B',
  config: {
    model_type: 'olmoe',
    ...published('OlmoeForCausalLM', 'bfloat16'),
    vocab_size: 50_304,
    hidden_size: 2048,
    intermediate_size: 1024,
    num_hidden_layers: 16,
    num_attention_heads: 16,
    num_key_value_heads: 16,
    num_experts: 64,
    num_experts_per_tok: 8,
    norm_topk_prob: false,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    clip_qkv: null,
    tie_word_embeddings: false,
  },
  published: exactly(6_919_161_856),
  source: 'Muennighoff et al. 2024, Table 1; allenai/OLMoE-1B-7B-0924',
};

/** OLMo, OLMo 2 and OLMoE. */
export const olmoPresets: readonly Preset[] = [...first, ...second, mixture];
