import { exactly, type Preset, type PublishedCount } from './preset.ts';

/** What sizes of a Llama differ in. */
export interface LlamaSize {
  readonly id: string;
  readonly name: string;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly keyValueHeads?: number;
  readonly inner: number;
  readonly parameters: number | PublishedCount;
  readonly source: string;
}

/** A preset of Llama's family, of one size and with the keys that sizes share. */
export function llama(size: LlamaSize, rest: Readonly<Record<string, unknown>>): Preset {
  return {
    id: size.id,
    name: size.name,
    config: {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      hidden_size: size.width,
      intermediate_size: size.inner,
      num_hidden_layers: size.layers,
      num_attention_heads: size.heads,
      num_key_value_heads: size.keyValueHeads ?? size.heads,
      hidden_act: 'silu',
      ...rest,
    },
    published: typeof size.parameters === 'number' ? exactly(size.parameters) : size.parameters,
    source: size.source,
  };
}

const small = { layers: 32, width: 4096, heads: 32, inner: 11_008, parameters: 6_738_415_616 };
const middle = { layers: 40, width: 5120, heads: 40, inner: 13_824, parameters: 13_015_864_320 };

const first = 'Touvron et al. 2023 (LLaMA), Table 2; huggyllama';
const firsts: readonly (LlamaSize & { readonly epsilon: number })[] = [
  { id: 'llama-7b', name: 'LLaMA 7B', ...small, epsilon: 1e-6, source: `${first}/llama-7b` },
  { id: 'llama-13b', name: 'LLaMA 13B', ...middle, epsilon: 1e-6, source: `${first}/llama-13b` },
  {
    id: 'llama-33b',
    name: 'LLaMA 33B',
    layers: 60,
    width: 6656,
    heads: 52,
    inner: 17_920,
    parameters: 32_528_943_616,
    epsilon: 1e-6,
    source: `${first}/llama-30b`,
  },
  {
    id: 'llama-65b',
    name: 'LLaMA 65B',
    layers: 80,
    width: 8192,
    heads: 64,
    inner: 22_016,
    parameters: 65_285_660_672,
    epsilon: 1e-5,
    source: `${first}/llama-65b`,
  },
];

const second = 'Touvron et al. 2023 (Llama 2), Table 1; meta-llama';
const seconds: readonly LlamaSize[] = [
  { id: 'llama-2-7b', name: 'Llama 2 7B', ...small, source: `${second}/Llama-2-7b-hf` },
  { id: 'llama-2-13b', name: 'Llama 2 13B', ...middle, source: `${second}/Llama-2-13b-hf` },
  {
    id: 'llama-2-70b',
    name: 'Llama 2 70B',
    layers: 80,
    width: 8192,
    heads: 64,
    keyValueHeads: 8,
    inner: 28_672,
    parameters: 68_976_648_192,
    source: `${second}/Llama-2-70b-hf`,
  },
];

const eight = { layers: 32, width: 4096, heads: 32, keyValueHeads: 8, inner: 14_336, parameters: 8_030_261_248 };
const seventy = { layers: 80, width: 8192, heads: 64, keyValueHeads: 8, inner: 28_672, parameters: 70_553_706_496 };

const third = 'Grattafiori et al. 2024, Table 3; meta-llama';
const thirds: readonly LlamaSize[] = [
  { id: 'llama-3-8b', name: 'Llama 3 8B', ...eight, source: `${third}/Meta-Llama-3-8B` },
  { id: 'llama-3-70b', name: 'Llama 3 70B', ...seventy, source: `${third}/Meta-Llama-3-70B` },
];
const longThirds: readonly LlamaSize[] = [
  { id: 'llama-3.1-8b', name: 'Llama 3.1 8B', ...eight, source: `${third}/Llama-3.1-8B` },
  { id: 'llama-3.1-70b', name: 'Llama 3.1 70B', ...seventy, source: `${third}/Llama-3.1-70B` },
  {
    id: 'llama-3.1-405b',
    name: 'Llama 3.1 405B',
    layers: 126,
    width: 16_384,
    heads: 128,
    keyValueHeads: 8,
    inner: 53_248,
    parameters: 405_853_388_800,
    source: `${third}/Llama-3.1-405B`,
  },
];
const smallThirds: readonly LlamaSize[] = [
  {
    id: 'llama-3.2-1b',
    name: 'Llama 3.2 1B',
    layers: 16,
    width: 2048,
    heads: 32,
    keyValueHeads: 8,
    inner: 8192,
    parameters: 1_235_814_400,
    source: 'meta-llama/Llama-3.2-1B',
  },
  {
    id: 'llama-3.2-3b',
    name: 'Llama 3.2 3B',
    layers: 28,
    width: 3072,
    heads: 24,
    keyValueHeads: 8,
    inner: 8192,
    parameters: 3_212_749_824,
    source: 'meta-llama/Llama-3.2-3B',
  },
];

const half = { vocab_size: 32_000, rope_theta: 10_000, torch_dtype: 'float16', tie_word_embeddings: false };
const brain = { vocab_size: 128_256, rms_norm_eps: 1e-5, rope_theta: 500_000, torch_dtype: 'bfloat16' };
const longRotary = (factor: number) => ({
  rope_type: 'llama3',
  factor,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
});

/** Llama 1 to 3.2. */
export const llamaPresets: readonly Preset[] = [
  ...firsts.map((size) => llama(size, { ...half, max_position_embeddings: 2048, rms_norm_eps: size.epsilon })),
  ...seconds.map((size) => llama(size, { ...half, max_position_embeddings: 4096, rms_norm_eps: 1e-5 })),
  ...thirds.map((size) => llama(size, { ...brain, max_position_embeddings: 8192, tie_word_embeddings: false })),
  ...longThirds.map((size) =>
    llama(size, {
      ...brain,
      max_position_embeddings: 131_072,
      rope_scaling: longRotary(8),
      tie_word_embeddings: false,
    }),
  ),
  ...smallThirds.map((size) =>
    llama(size, {
      ...brain,
      max_position_embeddings: 131_072,
      rope_scaling: longRotary(32),
      tie_word_embeddings: true,
    }),
  ),
];
