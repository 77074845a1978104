import { billions, exactly, type Preset, published } from './preset.ts';

const sizes = [
  ['125m', '125M', 12, 768, 12, exactly(125_239_296)],
  ['350m', '350M', 24, 1024, 16, exactly(331_196_416)],
  ['1.3b', '1.3B', 24, 2048, 32, exactly(1_315_758_080)],
  ['2.7b', '2.7B', 32, 2560, 32, exactly(2_651_596_800)],
  ['6.7b', '6.7B', 32, 4096, 32, exactly(6_658_473_984)],
  ['13b', '13B', 40, 5120, 40, exactly(12_853_473_280)],
  ['30b', '30B', 48, 7168, 56, exactly(29_974_540_288)],
  ['66b', '66B', 64, 9216, 72, billions('66')],
  ['175b', '175B', 96, 12_288, 96, billions('175')],
] as const;

const different =
  'The one OPT with norms after the sums, and with embeddings of 512 that are projected to the stream and back. Its weights are 331M: the paper’s 350M is rounded up.';

/** OPT. */
export const optPresets: readonly Preset[] = sizes.map(([id, name, layers, width, heads, parameters]) => ({
  id: `opt-${id}`,
  name: `OPT ${name}`,
  config: {
    model_type: 'opt',
    ...published('OPTForCausalLM', 'float16'),
    vocab_size: 50_272,
    hidden_size: width,
    ffn_dim: 4 * width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    max_position_embeddings: 2048,
    activation_function: 'relu',
    word_embed_proj_dim: id === '350m' ? 512 : width,
    do_layer_norm_before: id !== '350m',
    tie_word_embeddings: true,
  },
  published: parameters,
  source: `Zhang et al. 2022, Table 1${id === '175b' ? '' : `; facebook/opt-${id}`}`,
  ...(id === '350m' ? { note: different } : {}),
}));
