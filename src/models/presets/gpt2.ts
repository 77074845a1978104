import { exactly, type Preset, published } from './preset.ts';

const sizes = [
  ['gpt2-small', 'GPT-2 Small', 12, 768, 12, 124_439_808, 'gpt2'],
  ['gpt2-medium', 'GPT-2 Medium', 24, 1024, 16, 354_823_168, 'gpt2-medium'],
  ['gpt2-large', 'GPT-2 Large', 36, 1280, 20, 774_030_080, 'gpt2-large'],
  ['gpt2-xl', 'GPT-2 XL', 48, 1600, 25, 1_557_611_200, 'gpt2-xl'],
] as const;

/** GPT-2. Its report's 117M to 1542M are less than its weights have; these counts are of the weights. */
export const gpt2Presets: readonly Preset[] = sizes.map(([id, name, layers, width, heads, parameters, repository]) => ({
  id,
  name,
  config: {
    model_type: 'gpt2',
    ...published('GPT2LMHeadModel', 'float32'),
    vocab_size: 50257,
    n_positions: 1024,
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    activation_function: 'gelu_new',
    layer_norm_epsilon: 1e-5,
    bos_token_id: 50256,
    eos_token_id: 50256,
  },
  published: exactly(parameters),
  source: `Radford et al. 2019, Table 2; openai-community/${repository}`,
}));
