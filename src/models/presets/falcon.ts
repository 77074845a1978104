import { billions, exactlyWithHead, type Preset, published } from './preset.ts';

const common = {
  model_type: 'falcon',
  ...published('FalconForCausalLM', 'bfloat16'),
  layer_norm_epsilon: 1e-5,
  max_position_embeddings: 2048,
  activation: 'gelu',
  tie_word_embeddings: true,
};

const rotary = { vocab_size: 65_024, alibi: false, bias: false, multi_query: true, parallel_attn: true };
const newer = { ...rotary, new_decoder_architecture: true, num_kv_heads: 8 };
const headStored = 'Its repository stores the head a second time, although it is the token embedding.';

/** Falcon: each of its three arrangements. */
export const falconPresets: readonly Preset[] = [
  {
    id: 'falcon-rw-1b',
    name: 'Falcon RW 1B',
    config: {
      ...common,
      vocab_size: 50_304,
      hidden_size: 2048,
      num_hidden_layers: 24,
      num_attention_heads: 32,
      alibi: true,
      bias: true,
      multi_query: false,
      parallel_attn: false,
      new_decoder_architecture: false,
    },
    published: billions('1.3'),
    source: 'Penedo et al. 2023, §4.1; tiiuae/falcon-rw-1b',
  },
  {
    id: 'falcon-7b',
    name: 'Falcon 7B',
    config: {
      ...common,
      ...rotary,
      hidden_size: 4544,
      num_hidden_layers: 32,
      num_attention_heads: 71,
      new_decoder_architecture: false,
    },
    published: exactlyWithHead(7_217_189_760),
    source: 'Almazrouei et al. 2023; tiiuae/falcon-7b',
    note: headStored,
  },
  {
    id: 'falcon-40b',
    name: 'Falcon 40B',
    config: { ...common, ...newer, hidden_size: 8192, num_hidden_layers: 60, num_attention_heads: 128 },
    published: exactlyWithHead(41_835_970_560),
    source: 'Almazrouei et al. 2023; tiiuae/falcon-40b',
    note: headStored,
  },
  {
    id: 'falcon-180b',
    name: 'Falcon 180B',
    config: { ...common, ...newer, hidden_size: 14_848, num_hidden_layers: 80, num_attention_heads: 232 },
    published: exactlyWithHead(179_522_565_120),
    source: 'Almazrouei et al. 2023; tiiuae/falcon-180B',
    note: headStored,
  },
];
