import { expect, test } from 'vitest';
import { evaluate, makeValue } from '../graph/index.ts';
import { alibiSlopes } from './families/attention.ts';
import { familyOf } from './families/index.ts';
import { rotaryFrequencies } from './frequencies.ts';
import { scoreOffsets, sinusoids } from './positions.ts';

const rotary = { kind: 'rotary', base: 5e5 } as const;

test('the frequencies of Llama 3.1 are those of transformers’ formula', () => {
  const scaling = {
    kind: 'llama3',
    factor: 8,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalPositions: 8192,
  } as const;
  const expected = [
    1.0, 0.19392274474868576, 0.03760603093086393, 0.0072926647372171085, 0.0005248461609929547, 3.428102195952591e-5,
    6.647869871181236e-6, 1.2891731721515574e-6,
  ];
  const frequencies = rotaryFrequencies({ ...rotary, scaling }, 16);
  expect(frequencies).toHaveLength(expected.length);
  for (const [i, frequency] of frequencies.entries()) expect(frequency / (expected[i] ?? 0)).toBeCloseTo(1, 13);
});

test('linear scaling divides every frequency', () => {
  const scaled = rotaryFrequencies({ ...rotary, scaling: { kind: 'linear', factor: 4 } }, 6);
  expect(scaled).toEqual(rotaryFrequencies(rotary, 6).map((frequency) => frequency / 4));
});

test('the slopes of ALiBi are those of its paper for 8 heads, and between them for 12', () => {
  expect(alibiSlopes(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 2 ** -i));
  expect(alibiSlopes(12)).toEqual([...alibiSlopes(8), ...[0.5, 1.5, 2.5, 3.5].map((i) => 2 ** -i)]);
});

test('a window counts the query’s own key', () => {
  const sizes = { vocab_size: 9, hidden_size: 4, num_attention_heads: 1, num_hidden_layers: 2, intermediate_size: 4 };
  const config = { model_type: 'mistral', ...sizes, num_key_value_heads: 1, sliding_window: 2 };
  const [offsets] = evaluate([scoreOffsets(familyOf(config).parse(config), { kind: 'counted', length: 4 })(0)], {});
  const no = Number.NEGATIVE_INFINITY;
  expect(offsets).toEqual(makeValue('float', [4, 4], [0, no, no, no, 0, 0, no, no, no, 0, 0, no, no, no, 0, 0]));
});

test('Falcon’s ALiBi is rounded to bfloat16 before it is scaled', () => {
  const sizes = { vocab_size: 9, hidden_size: 48, num_attention_heads: 12, num_hidden_layers: 1 };
  const spec = familyOf({ model_type: 'falcon' }).parse({ ...sizes, alibi: true, multi_query: false });
  const [offsets] = evaluate([scoreOffsets(spec, { kind: 'counted', length: 6 })(0)], {});
  // Head 8 has the slope 2^-0.5: 0.70703125 in bfloat16, five times that is 3.53515625, rounded 3.53125.
  expect(offsets?.data[8 * 36 + 5 * 6 + 5]).toBe(3.53125);
});

test('sinusoids of an odd width are those of transformers’ XGLM, and the padding’s are 0', () => {
  const [table] = evaluate(
    [sinusoids({ kind: 'sinusoidal', offset: 2, blank: 1 }, { kind: 'counted', length: 3 }, 7)],
    {},
  );
  const expected = [
    0.9092974268256817, 0.01999866669333307, 0.0001999999986666665, -0.4161468365471424, 0.9998000066665778,
    0.9999999800000001, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.7568024953079282, 0.03998933418663414,
    0.00039999998933333303, -0.6536436208636119, 0.9992001066609779, 0.999999920000001, 0.0,
  ];
  expect(table?.shape).toEqual([3, 7]);
  for (const [i, value] of expected.entries()) expect(table?.data[i]).toBeCloseTo(value, 14);
});
