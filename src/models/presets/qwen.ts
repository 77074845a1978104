import { exactly, exactlyWithHead, type Preset, published } from './preset.ts';

const second: readonly Preset[] = (
  [
    ['0.5', 24, 896, 14, 2, 4864, 151_936, true, 32_768, 1e-6, 494_032_768],
    ['1.5', 28, 1536, 12, 2, 8960, 151_936, true, 131_072, 1e-6, 1_543_714_304],
    ['3', 36, 2048, 16, 2, 11_008, 151_936, true, 32_768, 1e-6, 3_085_938_688],
    ['7', 28, 3584, 28, 4, 18_944, 152_064, false, 131_072, 1e-6, 7_615_616_512],
    ['14', 48, 5120, 40, 8, 13_824, 152_064, false, 131_072, 1e-5, 14_770_033_664],
    ['32', 64, 5120, 40, 8, 27_648, 152_064, false, 131_072, 1e-5, 32_763_876_352],
    ['72', 80, 8192, 64, 8, 29_568, 152_064, false, 131_072, 1e-5, 72_706_203_648],
  ] as const
).map(([size, layers, width, heads, keyValueHeads, inner, vocabulary, tied, positions, epsilon, parameters]) => ({
  id: `qwen2.5-${size}b`,
  name: `Qwen2.5 ${size}B`,
  config: {
    model_type: 'qwen2',
    ...published('Qwen2ForCausalLM', 'bfloat16'),
    vocab_size: vocabulary,
    hidden_size: width,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    max_position_embeddings: positions,
    rms_norm_eps: epsilon,
    rope_theta: 1_000_000,
    use_sliding_window: false,
    tie_word_embeddings: tied,
  },
  published: exactly(parameters),
  source: `Qwen Team 2024 (Qwen2.5), Table 1; Qwen/Qwen2.5-${size}B`,
}));

const third: readonly Preset[] = (
  [
    ['0.6', 28, 1024, 16, 3072, true, exactlyWithHead(751_632_384)],
    ['1.7', 28, 2048, 16, 6144, true, exactlyWithHead(2_031_739_904)],
    ['4', 36, 2560, 32, 9728, true, exactly(4_022_468_096)],
    ['8', 36, 4096, 32, 12_288, false, exactly(8_190_735_360)],
    ['14', 40, 5120, 40, 17_408, false, exactly(14_768_307_200)],
    ['32', 64, 5120, 64, 25_600, false, exactly(32_762_123_264)],
  ] as const
).map(([size, layers, width, heads, inner, tied, parameters]) => ({
  id: `qwen3-${size}b`,
  name: `Qwen3 ${size}B`,
  config: {
    model_type: 'qwen3',
    ...published('Qwen3ForCausalLM', 'bfloat16'),
    ...thirdKeys(layers, width, heads, 8),
    intermediate_size: inner,
    tie_word_embeddings: tied,
  },
  published: parameters,
  source: `Qwen Team 2025 (Qwen3), Table 1; Qwen/Qwen3-${size}B`,
}));

const thirdMixtures: readonly Preset[] = (
  [
    ['30b-a3b', '30B-A3B', 48, 2048, 32, 6144, 768, 30_532_122_624],
    ['235b-a22b', '235B-A22B', 94, 4096, 64, 12_288, 1536, 235_093_634_560],
  ] as const
).map(([id, name, layers, width, heads, inner, expert, parameters]) => ({
  id: `qwen3-${id}`,
  name: `Qwen3 ${name}`,
  config: {
    model_type: 'qwen3_moe',
    ...published('Qwen3MoeForCausalLM', 'bfloat16'),
    ...thirdKeys(layers, width, heads, 4),
    intermediate_size: inner,
    moe_intermediate_size: expert,
    num_experts: 128,
    num_experts_per_tok: 8,
    norm_topk_prob: true,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
    tie_word_embeddings: false,
  },
  published: exactly(parameters),
  source: `Qwen Team 2025 (Qwen3), Table 2; Qwen/Qwen3-${name}`,
}));

function thirdKeys(layers: number, width: number, heads: number, keyValueHeads: number) {
  return {
    vocab_size: 151_936,
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    head_dim: 128,
    max_position_embeddings: 40_960,
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    attention_bias: false,
    use_sliding_window: false,
  };
}

/** `intermediate_size` is that of gate and up together: each has half of it. */
const first: readonly Preset[] = (
  [
    ['1.8', 24, 2048, 16, 11_008, 151_936, 10_000, 1_836_828_672],
    ['7', 32, 4096, 32, 22_016, 151_936, 10_000, 7_721_324_544],
    ['14', 40, 5120, 40, 27_392, 152_064, 10_000, 14_167_290_880],
    ['72', 80, 8192, 64, 49_152, 152_064, 1_000_000, 72_287_920_128],
  ] as const
).map(([size, layers, width, heads, inner, vocabulary, base, parameters]) => ({
  id: `qwen-${size}b`,
  name: `Qwen ${size}B`,
  config: {
    model_type: 'qwen',
    ...published('QWenLMHeadModel', 'bfloat16'),
    vocab_size: vocabulary,
    hidden_size: width,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    kv_channels: 128,
    seq_length: size === '72' ? 32_768 : 8192,
    max_position_embeddings: size === '72' ? 32_768 : 8192,
    layer_norm_epsilon: 1e-6,
    rotary_emb_base: base,
    rotary_pct: 1,
    no_bias: true,
    tie_word_embeddings: false,
  },
  published: exactly(parameters),
  source: `Bai et al. 2023 (Qwen), Table 1; Qwen/Qwen-${size === '1.8' ? '1_8' : size}B`,
}));

/** Qwen, Qwen2.5 and Qwen3. */
export const qwenPresets: readonly Preset[] = [...first, ...second, ...third, ...thirdMixtures];
