import { expect, test } from 'vitest';
import { familyOf } from './families/index.ts';
import { attentionFactorOf, rotaryFrequencies } from './frequencies.ts';
import type { RotaryPositions } from './spec.ts';

const sizes = {
  model_type: 'llama',
  vocab_size: 9,
  hidden_size: 64,
  intermediate_size: 9,
  num_hidden_layers: 1,
  num_attention_heads: 8,
};

function rotaryOf(config: Record<string, unknown>): RotaryPositions {
  const { positions } = familyOf(sizes).parse({ ...sizes, ...config });
  if (positions.kind !== 'rotary') throw new Error('expected rotary positions');
  return positions;
}

const yarn = (keys: object) => ({
  max_position_embeddings: 64,
  rope_scaling: { rope_type: 'yarn', factor: 4, ...keys },
});
const dynamic = { max_position_embeddings: 16, rope_scaling: { type: 'dynamic', factor: 2 } };
const long = {
  max_position_embeddings: 64,
  original_max_position_embeddings: 16,
  rope_scaling: { type: 'longrope', short_factor: [1, 1.5, 2, 2.5], long_factor: [1, 2, 4, 8] },
};

/** The numbers are those of modeling_rope_utils in transformers 4.56.2, in float64. */
test.each<[string, Record<string, unknown>, number, readonly number[], number]>([
  ['YaRN', yarn({}), 16, [1, 0.0625, 0.0025, 0.00025], 1.138629436111989],
  [
    'YaRN from an original length',
    yarn({ original_max_position_embeddings: 64 }),
    16,
    [1, 0.0625, 0.0025, 0.00025],
    1.138629436111989,
  ],
  [
    'YaRN with bounds and weights',
    yarn({ beta_fast: 8, beta_slow: 2, mscale: 1, mscale_all_dim: 0.5 }),
    16,
    [1, 0.025, 0.0025, 0.00025],
    1.0648216253695715,
  ],
  ['dynamic, within the length', dynamic, 16, [1, 0.1, 0.01, 0.001], 1],
  ['dynamic, beyond it', dynamic, 20, [1, 0.0873580464736299, 0.00763142828368888, 0.0006666666666666666], 1],
  ['dynamic, far beyond it', dynamic, 40, [1, 0.06299605249474366, 0.003968502629920499, 0.00025], 1],
  ['LongRoPE, within the original length', long, 16, [1, 0.06666666666666667, 0.005, 0.0004], 1.224744871391589],
  ['LongRoPE, beyond it', long, 17, [1, 0.05, 0.0025, 0.000125], 1.224744871391589],
])('%s', (_, config, length, expected, factor) => {
  const positions = rotaryOf(config);
  const frequencies = rotaryFrequencies(positions, 8, length);
  expect(frequencies).toHaveLength(expected.length);
  for (const [i, frequency] of frequencies.entries()) expect(frequency / (expected[i] ?? 0)).toBeCloseTo(1, 13);
  expect(attentionFactorOf(positions.scaling)).toBeCloseTo(factor, 13);
});

test('one pair alone keeps its angle however long the sequence becomes', () => {
  const positions = rotaryOf({ ...dynamic, head_dim: 2 });
  for (const length of [16, 17, 400]) expect(rotaryFrequencies(positions, 2, length)).toEqual([1]);
});
