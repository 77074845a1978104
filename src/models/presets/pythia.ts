import { exactly, type Preset, published } from './preset.ts';

const sizes = [
  ['70m', '70M', 6, 512, 8, 50_304, 70_426_624],
  ['160m', '160M', 12, 768, 12, 50_304, 162_322_944],
  ['410m', '410M', 24, 1024, 16, 50_304, 405_334_016],
  ['1b', '1B', 16, 2048, 8, 50_304, 1_011_781_632],
  ['1.4b', '1.4B', 24, 2048, 16, 50_304, 1_414_647_808],
  ['2.8b', '2.8B', 32, 2560, 32, 50_304, 2_775_208_960],
  ['6.9b', '6.9B', 32, 4096, 32, 50_432, 6_857_302_016],
  ['12b', '12B', 36, 5120, 40, 50_688, 11_846_072_320],
] as const;

/** Pythia. Vocabularies are padded to what its training was split into. */
export const pythiaPresets: readonly Preset[] = sizes.map(
  ([id, name, layers, width, heads, vocabulary, parameters]) => ({
    id: `pythia-${id}`,
    name: `Pythia ${name}`,
    config: {
      model_type: 'gpt_neox',
      ...published('GPTNeoXForCausalLM', 'float16'),
      vocab_size: vocabulary,
      hidden_size: width,
      intermediate_size: 4 * width,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      max_position_embeddings: 2048,
      hidden_act: 'gelu',
      layer_norm_eps: 1e-5,
      rotary_pct: 0.25,
      rotary_emb_base: 10_000,
      use_parallel_residual: true,
      tie_word_embeddings: false,
    },
    published: exactly(parameters),
    source: `Biderman et al. 2023, Table 1; EleutherAI/pythia-${id}`,
  }),
);
