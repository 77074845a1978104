/** Shapes to time, as the `config.json` of a Hugging Face folder. */
export type Config = Readonly<Record<string, unknown>>;

interface LlamaShape {
  readonly hidden: number;
  readonly inner: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly vocabulary: number;
}

function gpt2(width: number, layers: number, heads: number, vocabulary: number): Config {
  return {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    activation_function: 'gelu_new',
    layer_norm_epsilon: 1e-5,
    n_embd: width,
    n_head: heads,
    n_layer: layers,
    n_positions: 1024,
    vocab_size: vocabulary,
    torch_dtype: 'float32',
  };
}

function llama(shape: LlamaShape): Config {
  return {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    hidden_act: 'silu',
    hidden_size: shape.hidden,
    intermediate_size: shape.inner,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.keyValueHeads,
    head_dim: shape.hidden / shape.heads,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    tie_word_embeddings: true,
    vocab_size: shape.vocabulary,
    torch_dtype: 'float32',
  };
}

/** By name. The tiny ones are for trying the benchmark out. */
export const shapes: ReadonlyMap<string, Config> = new Map([
  ['gpt2', gpt2(768, 12, 12, 50_257)],
  ['llama-1b', llama({ hidden: 2048, inner: 8192, layers: 16, heads: 32, keyValueHeads: 8, vocabulary: 128_256 })],
  ['llama-1b-32k', llama({ hidden: 2048, inner: 8192, layers: 16, heads: 32, keyValueHeads: 8, vocabulary: 32_000 })],
  ['tiny-gpt2', gpt2(64, 2, 4, 512)],
  ['tiny-llama', llama({ hidden: 64, inner: 192, layers: 2, heads: 4, keyValueHeads: 2, vocabulary: 512 })],
]);
