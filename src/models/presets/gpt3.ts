import { gpt2 } from '../families/gpt2.ts';
import { normlabConfig } from '../save.ts';
import { millions, type Preset, published } from './preset.ts';

/** The sizes on which a GPT-3 depends. */
export interface Gpt3Shape {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
}

export const gpt3VocabularySize = 50257;

/** The config of a GPT-3 of that shape, as a GPT-2 with 2048 positions: dense attention in every layer. */
export function gpt3Config({ layers, hiddenSize, heads }: Gpt3Shape): Readonly<Record<string, unknown>> {
  return {
    model_type: 'gpt2',
    ...published('GPT2LMHeadModel'),
    vocab_size: gpt3VocabularySize,
    n_positions: 2048,
    n_embd: hiddenSize,
    n_layer: layers,
    n_head: heads,
    activation_function: 'gelu_new',
    layer_norm_epsilon: 1e-5,
    bos_token_id: 50256,
    eos_token_id: 50256,
  };
}

/** The paper gives the band no width. This is that of GPT-Neo, which was made after it. */
const bandWidth = 256;

/** The config of a GPT-3 whose odd layers see a band of the latest keys. GPT-2's config has no key for that, normlab's has. */
function bandedConfig(shape: Gpt3Shape): Readonly<Record<string, unknown>> {
  const dense = gpt2.parse(gpt3Config(shape));
  const windows = dense.attention.scales.map((_, layer) => (layer % 2 === 1 ? bandWidth : null));
  const spec = { ...dense, family: 'normlab', attention: { ...dense.attention, windows } };
  return normlabConfig(spec, { bos_token_id: 50256, eos_token_id: 50256 });
}

const dense =
  'The paper alternates dense and locally banded attention without saying how wide the band is; a GPT-2 config has no key for it, so every layer is dense here. No parameter depends on it.';
const xl = 'Table 2.1 has 24 heads of 128, which would be 3072 wide and not 2048: 16 heads of 128 here.';
const thirteen =
  'Table 2.1 has a width of 5140, which 40 heads of 128 do not give; 5120 gives the 12,850M of Table D.1.';
const banded = `Dense and locally banded layers alternate, as in the paper, which does not say how wide the band is: ${bandWidth} here, as in GPT-Neo.`;

const sizes: readonly (readonly [string, string, Gpt3Shape, string, string])[] = [
  ['small', 'Small', { layers: 12, hiddenSize: 768, heads: 12 }, '125', dense],
  ['medium', 'Medium', { layers: 24, hiddenSize: 1024, heads: 16 }, '356', dense],
  ['large', 'Large', { layers: 24, hiddenSize: 1536, heads: 16 }, '760', dense],
  ['xl', 'XL', { layers: 24, hiddenSize: 2048, heads: 16 }, '1320', `${xl} ${dense}`],
  ['2.7b', '2.7B', { layers: 32, hiddenSize: 2560, heads: 32 }, '2650', dense],
  ['6.7b', '6.7B', { layers: 32, hiddenSize: 4096, heads: 32 }, '6660', dense],
  ['13b', '13B', { layers: 40, hiddenSize: 5120, heads: 40 }, '12850', `${thirteen} ${dense}`],
  ['175b', '175B', { layers: 96, hiddenSize: 12288, heads: 96 }, '174600', banded],
];

/** GPT-3, whose weights were never published: the counts are the paper's, in millions with three or four digits that count. */
export const gpt3Presets: readonly Preset[] = sizes.map(([id, name, shape, parameters, note]) => ({
  id: `gpt3-${id}`,
  name: `GPT-3 ${name}`,
  config: id === '175b' ? bandedConfig(shape) : gpt3Config(shape),
  published: { ...millions(parameters), unit: unitOf(parameters) },
  source: 'Brown et al. 2020, Tables 2.1 and D.1',
  note,
}));

/** Zeros at the end of a count in millions are rounding, but for 760, which is the exact figure as well. */
function unitOf(parameters: string): number {
  const zeros = /0*$/.exec(parameters)?.[0].length ?? 0;
  return 10 ** (6 + (parameters.length > 3 ? zeros : 0));
}
