import { exactly, type Preset, published } from './preset.ts';

const sizes = [
  ['560m', '560M', 24, 1024, 16, 559_214_592, 'bloom-560m'],
  ['1.1b', '1.1B', 24, 1536, 16, 1_065_314_304, 'bloom-1b1'],
  ['1.7b', '1.7B', 24, 2048, 16, 1_722_408_960, 'bloom-1b7'],
  ['3b', '3B', 30, 2560, 32, 3_002_557_440, 'bloom-3b'],
  ['7.1b', '7.1B', 30, 4096, 32, 7_069_016_064, 'bloom-7b1'],
  ['176b', '176B', 70, 14_336, 112, 176_247_271_424, 'bloom'],
] as const;

/** BLOOM. */
export const bloomPresets: readonly Preset[] = sizes.map(
  ([id, name, layers, width, heads, parameters, repository]) => ({
    id: `bloom-${id}`,
    name: `BLOOM ${name}`,
    config: {
      model_type: 'bloom',
      ...published('BloomForCausalLM', id === '176b' ? 'bfloat16' : 'float16'),
      vocab_size: 250_880,
      hidden_size: width,
      n_layer: layers,
      n_head: heads,
      layer_norm_epsilon: 1e-5,
      apply_residual_connection_post_layernorm: false,
      tie_word_embeddings: true,
    },
    published: exactly(parameters),
    source: `BigScience 2022, Table 3; bigscience/${repository}`,
  }),
);
