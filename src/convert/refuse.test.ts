import { describe, expect, test } from 'vitest';
import { RefusalError } from '../core/errors.ts';
import type { DecoderSpec } from '../models/index.ts';
import { certificateBytes } from './certificate/memory.ts';
import { checkMemory } from './checks.ts';
import { preLnSpec } from './decoder.fixture.ts';
import type { ConversionTarget } from './options.ts';
import { nothingToDo } from './refuse.ts';
import { llamaPlan } from './rules/llama.ts';
import { conversionPlan } from './rules/plan.ts';

const described = (spec: DecoderSpec, config: Readonly<Record<string, unknown>> = {}) => ({
  folder: 'm',
  spec,
  config,
});
const withNorm = (kind: string) => preLnSpec({ norm: { kind, epsilon: 1e-5 }, finalNorm: { kind, epsilon: 1e-5 } });

test.each(['layernorm', 'layernorm-nobias', 'layernorm-nonparametric', 'layernorm1p'])('%s is converted', (kind) => {
  expect(nothingToDo(described(withNorm(kind)), 'rmsnorm')).toBeUndefined();
  expect(nothingToDo(described(withNorm(kind)), 'crmsnorm')).toBeUndefined();
});

test('there is nothing to do for what is there already, wherever its norms sit', () => {
  expect(nothingToDo(described(withNorm('rmsnorm')), 'rmsnorm')).toBe(
    'm: its norms are rmsnorm already; nothing to do',
  );
  const output = preLnSpec({ placement: 'output', norm: { kind: 'rmsnorm', epsilon: 1 }, finalNorm: null });
  expect(nothingToDo(described(output), 'rmsnorm')).toMatch(/nothing to do$/);
  const crmsnorm = { ...withNorm('crmsnorm'), streamSize: 11 };
  expect(nothingToDo(described(crmsnorm), 'crmsnorm')).toMatch(/nothing to do$/);
});

test.each([
  ['post', /placement is post: .*explicit recentring/],
  ['output', /placement is output: .*without a norm/],
  ['peri', /placement is peri: .*weights and biases/],
] as const)('placement %s is refused', (placement, message) => {
  for (const target of ['rmsnorm', 'crmsnorm'] as const) {
    expect(() => nothingToDo(described(preLnSpec({ placement })), target)).toThrow(RefusalError);
    expect(() => nothingToDo(described(preLnSpec({ placement })), target)).toThrow(message);
  }
});

test.each(['dyt', 'scalenorm', 'none', 'prmsnorm'])('%s is refused by name', (kind) => {
  expect(() => nothingToDo(described(withNorm(kind)), 'rmsnorm')).toThrow(
    `m: blocks.0.attention.input_norm is ${kind}, which equals no RMSNorm on zero-mean input`,
  );
});

test('RMSNorm models do not become crmsnorm, and it says why', () => {
  expect(() => nothingToDo(described(withNorm('rmsnorm')), 'crmsnorm')).toThrow('its residual stream is not zero-mean');
  const converted = described(withNorm('rmsnorm-bias'), { normlab: { converted: 'rmsnorm' } });
  expect(() => nothingToDo(converted, 'crmsnorm')).toThrow('convert the LayerNorm original instead');
  const crmsnorm = { ...withNorm('crmsnorm'), streamSize: 11 };
  expect(() => nothingToDo(described(crmsnorm), 'rmsnorm')).toThrow('convert the LayerNorm original instead');
});

test('a stream of one coordinate has none to drop', () => {
  const single = preLnSpec({ hiddenSize: 1, streamSize: 1 });
  expect(() => nothingToDo(described(single), 'crmsnorm')).toThrow('its hidden size is 1');
  expect(nothingToDo(described(single), 'rmsnorm')).toBeUndefined();
});

test('a head that reads the stream itself is refused', () => {
  expect(() => nothingToDo(described(preLnSpec({ finalNorm: null })), 'rmsnorm')).toThrow('no final norm');
});

test('norms of two kinds are looked at one by one', () => {
  const mixed = preLnSpec({ finalNorm: { kind: 'dyt', epsilon: 0 } });
  expect(() => nothingToDo(described(mixed), 'rmsnorm')).toThrow('final_norm is dyt');
});

test('what the rules are not known to cover is refused by name', () => {
  const base = preLnSpec();
  const experts = { count: 2, perToken: 1, normalized: true };
  const mixture = described({ ...base, mlp: { ...base.mlp, experts } });
  expect(nothingToDo(mixture, 'rmsnorm')).toBeUndefined();
  expect(() => nothingToDo(mixture, 'crmsnorm')).toThrow('m: mlp.experts: the biases of its norms would become biases');
  const unknown = { ...base, mlp: { ...base.mlp, novelty: 1 } };
  expect(() => nothingToDo(described(unknown), 'crmsnorm')).toThrow(
    'm: mlp.novelty: the rules of the conversion do not',
  );
  expect(nothingToDo(described({ ...base, parallel: 'two_norms', logitCap: undefined }), 'rmsnorm')).toBeUndefined();
});

test('a residual stream that goes on from behind its norms is refused, whatever its embeddings', () => {
  const layerNorm = { kind: 'layernorm', epsilon: 1e-5 };
  for (const target of ['rmsnorm', 'crmsnorm'] as const) {
    const spec = preLnSpec({ residualFromNorm: true, embeddingNorm: layerNorm });
    expect(() => nothingToDo(described(spec), target)).toThrow(/m: residualFromNorm: .*explicit recentring/);
  }
});

test('a bias of the final norm has no place in the linear that leads to narrower embeddings', () => {
  const narrow = described(preLnSpec({ embeddingSize: 4 }));
  expect(nothingToDo(narrow, 'rmsnorm')).toBeUndefined();
  expect(() => nothingToDo(narrow, 'crmsnorm')).toThrow('m: embeddingSize: the bias of the final norm would become');
  expect(() => nothingToDo(narrow, 'rmsnorm', { fold: true })).toThrow('has none; leave out --fold');
});

test.each<[string, DecoderSpec, ConversionTarget]>([
  ['placement', preLnSpec({ placement: 'post' }), 'rmsnorm'],
  ['residualFromNorm', preLnSpec({ residualFromNorm: true }), 'rmsnorm'],
  ['a stream with a mean', withNorm('rmsnorm'), 'crmsnorm'],
  ['crmsnorm', { ...withNorm('crmsnorm'), streamSize: 11 }, 'rmsnorm'],
  ['other norms', withNorm('dyt'), 'rmsnorm'],
  ['one coordinate', preLnSpec({ hiddenSize: 1, streamSize: 1 }), 'crmsnorm'],
  ['no final norm', preLnSpec({ finalNorm: null }), 'rmsnorm'],
  ['narrow embeddings', preLnSpec({ embeddingSize: 4 }), 'crmsnorm'],
])('a refusal says what to do: %s', (_, spec, target) => {
  expect(() => nothingToDo(described(spec), target)).toThrow(/^m: [^;]+; (keep|convert|use|leave out) [^;]+$/);
});

describe('folding', () => {
  test.each<[string, Partial<DecoderSpec>, string]>([
    ['post', { placement: 'post', finalNorm: null }, 'placement is post: there is no norm that linears alone read'],
    ['output', { placement: 'output', finalNorm: null }, 'placement is output: there is no norm that linears alone'],
    ['into the stream', { residualFromNorm: true }, 'residualFromNorm: what a norm gives goes into the stream too'],
  ])('%s is refused', (_, changes, message) => {
    const rmsNorm = { kind: 'rmsnorm', epsilon: 1e-5 };
    const model = described(preLnSpec({ norm: rmsNorm, finalNorm: rmsNorm, ...changes }));
    expect(() => nothingToDo(model, 'rmsnorm', { fold: true })).toThrow(RefusalError);
    expect(() => nothingToDo(model, 'rmsnorm', { fold: true })).toThrow(message);
  });

  test('there is nothing to fold where weights are missing or folded already', () => {
    const fold = { fold: true };
    expect(nothingToDo(described(withNorm('rmsnorm-nonparametric')), 'rmsnorm', fold)).toMatch(/nothing to do$/);
    expect(nothingToDo(described(withNorm('rmsnorm'), { normlab: { folded: true } }), 'rmsnorm', fold)).toMatch(
      /nothing to do$/,
    );
    expect(nothingToDo(described(withNorm('rmsnorm'), { normlab: {} }), 'rmsnorm', fold)).toBeUndefined();
  });

  test('extras that nobody has looked at are refused', () => {
    const base = withNorm('rmsnorm');
    const model = described({ ...base, mlp: { ...base.mlp, ...{ novelty: 1 } } });
    expect(() => nothingToDo(model, 'rmsnorm', { fold: true })).toThrow('m: mlp.novelty: the rules');
  });
});

describe('norms on queries and keys', () => {
  const withQk = (kind: string | null, clip: number | null = null, norm = 'layernorm') => {
    const base = withNorm(norm);
    const qkNorm = kind === null ? null : ({ norm: { kind, epsilon: 1e-5 }, extent: 'head' } as const);
    return described({ ...base, attention: { ...base.attention, clip, qkNorm } });
  };

  test.each([
    [withQk(null), 'attention.qkNorm: there are no norms on queries and keys; leave out --qk-norms'],
    [withQk('dyt'), 'attention.qkNorm is dyt, which equals no RMSNorm'],
    [withQk('layernorm', 8), 'attention.clip is 8: queries and keys are cut between'],
  ])('%# is refused by name', (model, message) => {
    expect(() => nothingToDo(model, 'rmsnorm', { qkNorms: true })).toThrow(message);
    expect(() => nothingToDo(model, 'crmsnorm', { qkNorms: true })).toThrow(message);
  });

  test('they are rewritten in a model that is converted already, and once', () => {
    const qkNorms = { qkNorms: true };
    expect(nothingToDo(withQk('layernorm', null, 'rmsnorm'), 'rmsnorm', qkNorms)).toBeUndefined();
    expect(nothingToDo(withQk('rmsnorm', null, 'rmsnorm'), 'rmsnorm', qkNorms)).toMatch(/nothing to do$/);
  });
});

const llamaLike = (changes: Partial<DecoderSpec> = {}): DecoderSpec => {
  const base = preLnSpec({
    norm: { kind: 'layernorm-nobias', epsilon: 1e-5 },
    finalNorm: { kind: 'layernorm-nobias', epsilon: 1e-5 },
    positions: { kind: 'rotary', base: 1e4 },
    mlp: { kind: 'gated', activation: 'silu', innerSize: 10, bias: false },
    tiedHead: false,
  });
  return { ...base, attention: { ...base.attention, projection: 'separate' }, ...changes };
};

test('a bias-free LayerNorm model of Llama’s shape becomes a Llama', () => {
  expect(llamaPlan(conversionPlan(llamaLike(), 'rmsnorm'), 'm').spec.norm.kind).toBe('rmsnorm');
});

test.each([
  [/norms have biases/, { norm: { kind: 'layernorm', epsilon: 1e-5 } }],
  [/another epsilon/, { finalNorm: { kind: 'layernorm-nobias', epsilon: 1e-6 } }],
  [/positions are learned/, { positions: { kind: 'learned', count: 8 } }],
  [/clip_qkv is 8/, { attention: { ...llamaLike().attention, clip: 8 } }],
  [/are one linear/, { attention: { ...llamaLike().attention, projection: 'fused' } }],
  [/attention_bias/, { attention: { ...llamaLike().attention, outputBias: false } }],
  [/not scaled by/, { attention: { ...llamaLike().attention, scales: [1, 1] } }],
  [/gated with silu/, { mlp: { ...llamaLike().mlp, activation: 'gelu' } }],
  [/head has a bias/, { headBias: true }],
  [/no place for parallel/, { parallel: 'shared_norm' }],
  [/no place for positions.size/, { positions: { kind: 'rotary', base: 1e4, size: 2 } }],
  [/no place for attention.windows/, { attention: { ...llamaLike().attention, windows: [null, 4] } }],
] as const satisfies readonly (readonly [RegExp, Partial<DecoderSpec>])[])(
  'format llama is refused: %s',
  (message, changes) => {
    const plan = conversionPlan(llamaLike(changes), 'rmsnorm');
    expect(() => llamaPlan(plan, 'm')).toThrow(message);
    expect(() => llamaPlan(plan, 'm')).toThrow(RefusalError);
  },
);

test('a certificate that does not fit into memory is refused with the way out', () => {
  expect(() => checkMemory([described(preLnSpec())], [[1, 2]], '--no-certify', 1000)).toThrow(
    /takes .* MiB of memory.*--no-certify/,
  );
  expect(() => checkMemory([described(preLnSpec())], [[1, 2]], '--no-certify')).not.toThrow();
  const bytes = certificateBytes(preLnSpec(), [[1, 2]]);
  expect(() => checkMemory([described(preLnSpec())], [[1, 2]], '--no-certify', bytes)).not.toThrow();
  expect(() => checkMemory([{ ...described(preLnSpec()), isProgram: true }], [[1, 2]], '--no-certify', bytes)).toThrow(
    'and the written program as a whole',
  );
});
