import { describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { neededTensors } from '../check.ts';
import { familyOf } from '../families/index.ts';
import { countParameters } from '../layout.ts';
import type { DecoderSpec } from '../spec.ts';
import { findPreset, type Preset, presetSpec, presets } from './index.ts';

const embeddings = (spec: DecoderSpec) => spec.vocabularySize * spec.hiddenSize;

function counted({ published }: Preset, spec: DecoderSpec): number {
  const all = countParameters(spec);
  if (published.counts === 'tied_head_twice') return all + embeddings(spec);
  return published.counts === 'without_embeddings' ? all - embeddings(spec) : all;
}

describe.each(presets.map((preset) => [preset.id, preset] as const))('%s', (_, preset) => {
  const spec = presetSpec(preset);

  test('has as many parameters as published', () => {
    const { parameters, unit } = preset.published;
    expect(Math.abs(counted(preset, spec) - parameters)).toBeLessThanOrEqual(unit === 1 ? 0 : unit / 2);
    expect(parameters % unit).toBe(0);
  });

  test('has a config that survives JSON, and a stored name for every parameter', () => {
    const config = JSON.parse(JSON.stringify(preset.config));
    const family = familyOf(config);
    expect(family.parse(config)).toEqual(spec);
    expect(neededTensors(spec, family.storage(spec)).length).toBeGreaterThan(10);
  });

  test('says where it is from', () => {
    expect(preset.source).toMatch(/\d{4}|\//);
    expect(preset.id).toMatch(/^[a-z][a-z0-9.-]+$/);
  });
});

test('every id is there once', () => {
  expect(new Set(presets.map(({ id }) => id)).size).toBe(presets.length);
  expect(presets.length).toBeGreaterThan(70);
});

/** What the Hub shows beside the weights, or the model card says. */
test.each([
  ['gpt2-small', 124_439_808],
  ['gpt2-xl', 1_557_611_200],
  ['llama-2-7b', 6_738_415_616],
  ['llama-2-70b', 68_976_648_192],
  ['llama-3.1-8b', 8_030_261_248],
  ['llama-3.2-1b', 1_235_814_400],
  ['qwen2.5-0.5b', 494_032_768],
  ['qwen2.5-72b', 72_706_203_648],
  ['gemma-2-27b', 27_227_128_320],
  ['olmoe-1b-7b', 6_919_161_856],
  ['bloom-176b', 176_247_271_424],
  ['pythia-12b', 11_846_072_320],
])('%s has %i parameters', (id, parameters) => {
  expect(countParameters(presetSpec(findPreset(id)))).toBe(parameters);
});

/** [Biderman et al. 2023, Table 1] */
test.each([
  ['pythia-70m', 18_915_328],
  ['pythia-160m', 85_056_000],
  ['pythia-410m', 302_311_424],
  ['pythia-1b', 805_736_448],
  ['pythia-1.4b', 1_208_602_624],
  ['pythia-2.8b', 2_517_652_480],
  ['pythia-6.9b', 6_444_163_072],
  ['pythia-12b', 11_327_027_200],
])('%s has %i parameters without its embeddings', (id, parameters) => {
  const spec = presetSpec(findPreset(id));
  expect(countParameters(spec) - 2 * embeddings(spec)).toBe(parameters);
});

describe('GPT-3', () => {
  const specOf = (size: string) => presetSpec(findPreset(`gpt3-${size}`));

  test('all eight sizes, each as wide as its heads are together', () => {
    const sizes = presets.filter(({ id }) => id.startsWith('gpt3-')).map(({ id }) => id.slice(5));
    expect(sizes).toEqual(['small', 'medium', 'large', 'xl', '2.7b', '6.7b', '13b', '175b']);
    for (const { hiddenSize, attention } of sizes.map(specOf)) {
      expect(attention.numHeads * attention.headSize).toBe(hiddenSize);
    }
  });

  test('175B alternates dense and banded layers', () => {
    const { windows = [] } = specOf('175b').attention;
    expect(windows.length).toBe(96);
    expect(windows.every((window, layer) => (window === null) === (layer % 2 === 0))).toBe(true);
    expect(findPreset('gpt3-175b').note).toMatch(/band/);
  });

  test('where the table contradicts its own counts, the record says so', () => {
    expect(specOf('xl').attention).toMatchObject({ numHeads: 16, headSize: 128 });
    expect(findPreset('gpt3-xl').note).toMatch(/24 heads of 128/);
    expect(specOf('13b').hiddenSize).toBe(5120);
    expect(findPreset('gpt3-13b').note).toMatch(/5140/);
  });
});

describe('a name', () => {
  test('is found in upper or lower case', () => {
    expect(findPreset('GPT2-XL').name).toBe('GPT-2 XL');
  });

  test.each([
    ['gpt2-smal', 'gpt2-small'],
    ['lama-7b', 'llama-7b'],
    ['Pythia-6.9', 'pythia-6.9b'],
  ])('%s is refused, and %s suggested', (wrong, right) => {
    expect(() => findPreset(wrong)).toThrow(InputError);
    expect(() => findPreset(wrong)).toThrow(`did you mean "${right}"?`);
  });

  test('that holds what a terminal obeys is quoted', () => {
    expect(() => findPreset('a\u001b[2Jb')).not.toThrow('\u001b');
    expect(() => findPreset('a\u001b[2Jb')).toThrow(InputError);
  });
});
