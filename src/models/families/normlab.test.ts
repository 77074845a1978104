import { describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { normlabConfig } from '../save.ts';
import { type Config, parse, parsed } from './families.fixture.ts';

describe('the format of normlab itself', () => {
  const spec = parsed('llama', {});
  const saved = (change: (spec: Config) => void): Config => {
    const config = JSON.parse(JSON.stringify(normlabConfig(spec)));
    change(config.spec);
    return config;
  };

  test.each([
    'gpt2',
    'gpt2_n36_untied',
    'llama',
    'llama_gqa_tied',
    'olmo',
    'gemma3_text',
    'granite',
    'deepseek_v3',
    'qwen3_moe',
    'phi3_longrope',
  ])('keeps the spec of %s', (name) => {
    const decoder = parsed(name, {});
    expect(parse(JSON.parse(JSON.stringify(normlabConfig(decoder, { source: 'x' }))))).toEqual(decoder);
  });

  test.each<[string, (spec: Config) => void, string]>([
    ['an unknown key', (s) => Object.assign(s, { hiddensize: 3 }), 'spec: Unrecognized key: "hiddensize"'],
    ['a missing key', (s) => delete s.hiddenSize, 'spec.hiddenSize: '],
    ['a text for a number', (s) => Object.assign(s, { numLayers: '3' }), 'spec.numLayers: '],
    ['an unknown norm', (s) => Object.assign(s, { norm: { kind: 'rms', epsilon: 1 } }), 'spec.norm.kind: '],
    ['a stream too narrow', (s) => Object.assign(s, { streamSize: 47 }), 'spec.streamSize: is 47, expected as much as'],
    ['a layer too many', (s) => Object.assign(s, { numLayers: 4 }), 'spec.attention.scales: has 3 entries'],
    [
      'a narrow stream after computed positions',
      (s) =>
        Object.assign(s, {
          norm: { kind: 'crmsnorm', epsilon: 1 },
          streamSize: 47,
          positions: { kind: 'sinusoidal' },
        }),
      'spec.positions.kind: is sinusoidal, which in a stream of 47 needs recentreInput',
    ],
    [
      'a tied head that is wider than the stream',
      (s) =>
        Object.assign(s, {
          norm: { kind: 'crmsnorm', epsilon: 1 },
          streamSize: 47,
          recentreInput: true,
          tiedHead: true,
        }),
      'spec.tiedHead: is true, but the recentred embeddings are 48 wide and the stream 47',
    ],
    [
      'a layer of experts too many',
      (s) =>
        Object.assign(s, {
          mlp: {
            ...(s.mlp as object),
            experts: { count: 2, perToken: 1, normalized: true, dense: { layers: [true], innerSize: 3 } },
          },
        }),
      'spec.mlp.experts.dense.layers: has 1 entries',
    ],
    [
      'groups of experts',
      (s) =>
        Object.assign(s.mlp as object, {
          experts: { count: 5, perToken: 1, normalized: true, sigmoid: { groups: 2, groupsPerToken: 1, scale: 1 } },
        }),
      'spec.mlp.experts.sigmoid: has 2 groups',
    ],
    [
      'latent heads that rotate whole',
      (s) =>
        Object.assign(s.attention as object, {
          latent: {
            queryRank: null,
            keyValueRank: 2,
            valueSize: 3,
            norm: { kind: 'rmsnorm', epsilon: 1 },
            bias: false,
          },
        }),
      'spec.attention.latent: needs',
    ],
    [
      'factors for other pairs',
      (s) =>
        Object.assign(s.positions as object, {
          scaling: { kind: 'longrope', shortFactors: [1], longFactors: [1], originalPositions: 9, attentionFactor: 1 },
        }),
      'spec.positions.scaling.shortFactors: has 1 entries',
    ],
    [
      'scaled branches side by side',
      (s) => Object.assign(s, { parallel: 'two_norms', residualScale: 2 }),
      'spec.residualScale: ',
    ],
    ['odd heads', (s) => Object.assign(s.attention as object, { headSize: 7 }), 'spec.attention.headSize: is 7'],
    [
      'groups of heads',
      (s) => Object.assign(s.attention as object, { numKeyValueHeads: 3 }),
      'spec.attention.numKeyValueHeads: is 3',
    ],
  ])('refuses %s', (_, change, message) => {
    const call = () => parse(saved(change));
    expect(call).toThrow(InputError);
    expect(call).toThrow(`config.json: ${message}`);
    expect(call).not.toThrow('\n');
  });

  test('refuses another version of the format', () => {
    expect(() => parse({ ...normlabConfig(spec), format_version: 2 })).toThrow('config.json: format_version: ');
  });

  test('keeps its keys to itself', () => {
    expect(() => normlabConfig(spec, { spec: 1 })).toThrow('spec is a key of the format');
  });
});
