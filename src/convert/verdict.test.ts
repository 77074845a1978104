import { describe, expect, test } from 'vitest';
import { familyOf, findPreset, presetSpec, presets } from '../models/index.ts';
import { conversionTargets } from './options.ts';
import { conversionVerdict } from './verdict.ts';

function verdictOf(id: string, target: (typeof conversionTargets)[number]) {
  const { config } = findPreset(id);
  return conversionVerdict({ folder: id, config, family: familyOf(config), spec: presetSpec(findPreset(id)) }, target);
}

describe('what converts', () => {
  // Rewritten are the embeddings, two writers with their biases in each layer, and the untied head copied.
  test('GPT-2: two embeddings and 12 × 4 tensors that write to the stream', () => {
    expect(verdictOf('gpt2-small', 'rmsnorm')).toEqual({
      outcome: 'converts',
      target: 'rmsnorm',
      formats: ['hf', 'normlab', 'onnx'],
      tensors: 149,
      rewritten: 2 + 12 * 4,
      untiesHead: true,
      recentresInput: false,
    });
    expect(verdictOf('gpt2-small', 'crmsnorm')).toMatchObject({ outcome: 'converts', formats: ['normlab', 'onnx'] });
  });

  test('OLMo also as Llama, and its tied head stays', () => {
    expect(verdictOf('olmo-1b', 'rmsnorm')).toMatchObject({
      formats: ['hf', 'normlab', 'llama', 'onnx'],
      untiesHead: false,
    });
  });
});

test('what needs nothing says so, without a path', () => {
  const verdict = verdictOf('llama-7b', 'rmsnorm');
  expect(verdict).toMatchObject({ outcome: 'nothing-to-do', reason: 'its norms are rmsnorm already; nothing to do' });
});

test('where nothing is to do, folding may be', () => {
  expect(verdictOf('llama-7b', 'rmsnorm')).toMatchObject({ outcome: 'nothing-to-do', foldable: true });
  const unweighted = { ...presetSpec(findPreset('llama-7b')), norm: { kind: 'rmsnorm-nonparametric', epsilon: 1e-5 } };
  const { config } = findPreset('llama-7b');
  const bare = { ...unweighted, finalNorm: unweighted.norm };
  expect(conversionVerdict({ folder: 'bare', config, family: familyOf(config), spec: bare }, 'rmsnorm')).toMatchObject({
    outcome: 'nothing-to-do',
    foldable: false,
  });
});

test.each([
  ['llama-7b', 'crmsnorm', /keeps the mean/],
  ['olmo-2-7b', 'crmsnorm', /^placement is output/],
  ['gemma-2-9b', 'crmsnorm', /^placement is peri/],
] as const)('%s is refused %s with the reason of convert itself', (id, target, reason) => {
  expect(verdictOf(id, target)).toEqual({ outcome: 'refused', target, reason: expect.stringMatching(reason) });
});

test('every preset has a verdict', () => {
  const outcomes = presets.flatMap(({ id }) => conversionTargets.map((target) => verdictOf(id, target).outcome));
  expect(new Set(outcomes)).toEqual(new Set(['converts', 'nothing-to-do', 'refused']));
});
