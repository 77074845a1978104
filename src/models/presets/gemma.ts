import { exactly, millions, type Preset, type PublishedCount, published } from './preset.ts';

const first: readonly Preset[] = (
  [
    ['2b', '2B', 18, 2048, 8, 1, 16_384, 2_506_172_416],
    ['7b', '7B', 28, 3072, 16, 16, 24_576, 8_537_680_896],
  ] as const
).map(([id, name, layers, width, heads, keyValueHeads, inner, parameters]) => ({
  id: `gemma-${id}`,
  name: `Gemma ${name}`,
  config: {
    model_type: 'gemma',
    ...published('GemmaForCausalLM', 'bfloat16'),
    ...common(layers, width, heads, keyValueHeads, inner, 256),
    vocab_size: 256_000,
    max_position_embeddings: 8192,
    hidden_activation: 'gelu_pytorch_tanh',
    rope_theta: 10_000,
  },
  published: exactly(parameters),
  source: `Gemma Team 2024 (Gemma), Table 1; google/gemma-${id}`,
}));

const second: readonly Preset[] = (
  [
    ['2b', '2B', 26, 2304, 8, 4, 9216, 256, 256, 2_614_341_888],
    ['9b', '9B', 42, 3584, 16, 8, 14_336, 256, 256, 9_241_705_984],
    ['27b', '27B', 46, 4608, 32, 16, 36_864, 128, 144, 27_227_128_320],
  ] as const
).map(([id, name, layers, width, heads, keyValueHeads, inner, headSize, scalar, parameters]) => ({
  id: `gemma-2-${id}`,
  name: `Gemma 2 ${name}`,
  config: {
    model_type: 'gemma2',
    ...published('Gemma2ForCausalLM'),
    ...common(layers, width, heads, keyValueHeads, inner, headSize),
    vocab_size: 256_000,
    max_position_embeddings: 8192,
    hidden_activation: 'gelu_pytorch_tanh',
    rope_theta: 10_000,
    query_pre_attn_scalar: scalar,
    sliding_window: 4096,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
  },
  published: exactly(parameters),
  source: `Gemma Team 2024 (Gemma 2), Table 1; google/gemma-2-${id}`,
}));

const textOnly = 'The text model alone: the published repository also holds a vision tower, of 417M parameters.';

const third: readonly Preset[] = (
  [
    ['1b', '1B', 26, 1152, 4, 1, 6912, 256, 256, 262_144, exactly(999_885_952)],
    ['4b', '4B', 34, 2560, 8, 4, 10_240, 256, 256, 262_208, withoutEmbeddings('3209')],
    ['12b', '12B', 48, 3840, 16, 8, 15_360, 256, 256, 262_208, withoutEmbeddings('10759')],
    ['27b', '27B', 62, 5376, 32, 16, 21_504, 128, 168, 262_208, withoutEmbeddings('25600')],
  ] as const
).map(([id, name, layers, width, heads, keyValueHeads, inner, headSize, scalar, vocabulary, parameters]) => ({
  id: `gemma-3-${id}`,
  name: `Gemma 3 ${name}`,
  config: {
    model_type: 'gemma3_text',
    ...published('Gemma3ForCausalLM', 'bfloat16'),
    ...common(layers, width, heads, keyValueHeads, inner, headSize),
    vocab_size: vocabulary,
    max_position_embeddings: id === '1b' ? 32_768 : 131_072,
    hidden_activation: 'gelu_pytorch_tanh',
    rope_theta: 1_000_000,
    rope_local_base_freq: 10_000,
    rope_scaling: id === '1b' ? null : { rope_type: 'linear', factor: 8 },
    query_pre_attn_scalar: scalar,
    sliding_window: id === '1b' ? 512 : 1024,
    sliding_window_pattern: 6,
    attn_logit_softcapping: null,
    final_logit_softcapping: null,
  },
  published: parameters,
  source: `Gemma Team 2025 (Gemma 3), Table 1; google/gemma-3-${id}-pt`,
  ...(id === '1b' ? {} : { note: textOnly }),
}));

/** In millions: what the table prints for the embeddings is rounded otherwise. */
function withoutEmbeddings(digits: string): PublishedCount {
  return { ...millions(digits), counts: 'without_embeddings' };
}

function common(
  layers: number,
  width: number,
  heads: number,
  keyValueHeads: number,
  inner: number,
  headSize: number,
): Readonly<Record<string, unknown>> {
  return {
    hidden_size: width,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    head_dim: headSize,
    rms_norm_eps: 1e-6,
    attention_bias: false,
    tie_word_embeddings: true,
  };
}

/** Gemma 1 to 3. */
export const gemmaPresets: readonly Preset[] = [...first, ...second, ...third];
