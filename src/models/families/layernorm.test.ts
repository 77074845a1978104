import { describe, expect, test } from 'vitest';
import { InputError, RefusalError } from '../../core/errors.ts';
import { normlabConfig } from '../save.ts';
import { type Config, expectError, parse, parsed } from './families.fixture.ts';

describe('missing keys take the defaults of transformers', () => {
  const sizes = { vocab_size: 10, hidden_size: 8, num_attention_heads: 2, num_hidden_layers: 2, intermediate_size: 6 };
  const layerNorm = { kind: 'layernorm', epsilon: 1e-5 };
  test.each<[Config, object]>([
    [
      { model_type: 'openai-gpt', vocab_size: 10, n_embd: 8, n_head: 2, n_layer: 2 },
      {
        placement: 'post',
        norm: layerNorm,
        finalNorm: null,
        positions: { kind: 'learned', count: 512 },
        mlp: { activation: 'gelu_tanh', innerSize: 32, bias: true },
        tiedHead: true,
      },
    ],
    [
      { model_type: 'dbrx', vocab_size: 10, d_model: 8, n_heads: 2, n_layers: 2 },
      {
        norm: { kind: 'layernorm-nobias', epsilon: 1e-5 },
        attention: { numKeyValueHeads: 1, clip: null },
        mlp: {
          activation: 'silu',
          innerSize: 3584,
          bias: false,
          experts: { count: 4, perToken: 1, normalized: true },
        },
        positions: { base: 1e4 },
        maxPositions: 2048,
        tiedHead: false,
      },
    ],
    [
      { model_type: 'persimmon', ...sizes },
      {
        norm: layerNorm,
        attention: { qkNorm: { norm: layerNorm, extent: 'head' }, qkvBias: true },
        positions: { base: 25_000, size: 2 },
        mlp: { activation: 'relu2' },
        maxPositions: 16_384,
        tiedHead: false,
      },
    ],
    [
      { model_type: 'nemotron', ...sizes },
      {
        norm: { kind: 'layernorm1p', epsilon: 1e-5 },
        attention: { numKeyValueHeads: 2, qkvBias: false, outputBias: false, qkNorm: null },
        positions: { base: 1e4, size: 2 },
        mlp: { kind: 'plain', activation: 'relu2', bias: false },
        maxPositions: 4096,
        tiedHead: false,
      },
    ],
    [
      { model_type: 'xglm', vocab_size: 10, d_model: 8, attention_heads: 2, num_layers: 2, ffn_dim: 6 },
      {
        norm: layerNorm,
        positions: { kind: 'sinusoidal', offset: 2 },
        maxPositions: 2048,
        embeddingScale: Math.sqrt(8),
        mlp: { activation: 'gelu' },
        tiedHead: true,
      },
    ],
    [
      { model_type: 'biogpt', ...sizes },
      {
        norm: layerNorm,
        positions: { kind: 'learned', count: 1024, offset: 2 },
        embeddingScale: Math.sqrt(8),
        mlp: { activation: 'gelu' },
        tiedHead: true,
      },
    ],
  ])('%j', (config, expected) => {
    expect(parse(config)).toMatchObject(expected);
  });
});

test.each<[string, readonly [number, number, number, number, number]]>([
  ['openai-gpt', [40_478, 768, 12, 12, 3072]],
  ['dbrx', [32_000, 2048, 24, 16, 3584]],
  ['persimmon', [262_144, 4096, 36, 64, 16_384]],
  ['nemotron', [256_000, 6144, 32, 48, 24_576]],
  ['xglm', [256_008, 1024, 24, 16, 4096]],
  ['biogpt', [42_384, 1024, 24, 16, 4096]],
  ['phi', [51_200, 2048, 24, 32, 8192]],
  ['stablelm', [50_304, 2560, 32, 32, 6912]],
  ['cohere', [256_000, 8192, 40, 64, 22_528]],
  ['cohere2', [256_000, 8192, 40, 64, 22_528]],
  ['starcoder2', [49_152, 3072, 30, 24, 12_288]],
])('%s without sizes has those of its class', (modelType, sizes) => {
  const { vocabularySize, hiddenSize, numLayers, attention, mlp } = parse({ model_type: modelType });
  expect([vocabularySize, hiddenSize, numLayers, attention.numHeads, mlp.innerSize]).toEqual(sizes);
});

test.each([
  ['persimmon', 16_384],
  ['phi', 2048],
  ['stablelm', 4096],
  ['cohere', 8192],
  ['cohere2', 8192],
])('%s scales rotations by its class’s number of positions', (modelType, originalPositions) => {
  const spec = parse({ model_type: modelType, rope_scaling: { rope_type: 'dynamic', factor: 2 } });
  expect(spec).toMatchObject({
    maxPositions: originalPositions,
    positions: { scaling: { kind: 'dynamic', factor: 2, originalPositions } },
  });
});

describe('keys that change the decoder', () => {
  test.each<[string, Config, object]>([
    ['openai_gpt_postln', { afn: 'swish' }, { mlp: { activation: 'silu' } }],
    ['openai_gpt_postln', { n_embd: undefined, hidden_size: 44 }, { hiddenSize: 44, mlp: { innerSize: 176 } }],
    ['opt', { word_embed_proj_dim: 20 }, { embeddingSize: 20, placement: 'pre' }],
    ['bloom', { apply_residual_connection_post_layernorm: true }, { residualFromNorm: true, placement: 'pre' }],
    [
      'dbrx',
      { attn_config: { kv_n_heads: 4, rope_theta: 5e5 } },
      { positions: { base: 5e5 }, attention: { clip: null } },
    ],
    [
      'dbrx',
      { ffn_config: { moe_normalize_expert_weights: null, ffn_act_fn: { name: 'gelu' } } },
      { mlp: { activation: 'gelu', experts: { perToken: 1, normalized: false } } },
    ],
    [
      'persimmon',
      { qk_layernorm: false, layer_norm_eps: 1e-3 },
      { attention: { qkNorm: null }, norm: { epsilon: 1e-3 } },
    ],
    ['persimmon', { rope_scaling: { type: 'linear', factor: 2 } }, { positions: { scaling: { factor: 2 } } }],
    [
      'nemotron',
      { rope_scaling: { rope_type: 'dynamic', factor: 2 } },
      { positions: { kind: 'rotary', base: 1e4, size: 8 } },
    ],
    ['nemotron', { head_dim: null, mlp_bias: true }, { attention: { headSize: 12 }, mlp: { bias: true } }],
    ['xglm', { pad_token_id: null }, { positions: { kind: 'sinusoidal', offset: 2 } }],
    ['xglm', { pad_token_id: 2, scale_embedding: true }, { positions: { blank: 0 }, embeddingScale: 6 }],
    ['biogpt', { layer_norm_eps: 1e-12 }, { norm: { epsilon: 1e-5 }, finalNorm: { epsilon: 1e-5 } }],
    [
      'phi',
      { qk_layernorm: true },
      { attention: { qkNorm: { norm: { kind: 'layernorm', epsilon: 1e-5 }, extent: 'head' } } },
    ],
    [
      'stablelm',
      { qk_layernorm: true },
      { attention: { qkNorm: { norm: { kind: 'layernorm-nobias' }, extent: 'each_head' } } },
    ],
    [
      'cohere',
      { use_qk_norm: true },
      { attention: { qkNorm: { norm: { kind: 'layernorm-nobias' }, extent: 'each_head' } } },
    ],
    ['nemotron', { normlab: { norm: 'rmsnorm' } }, { norm: { kind: 'rmsnorm1p', epsilon: 1e-5 } }],
    [
      'persimmon',
      { normlab: { norm: 'rmsnorm' } },
      { norm: { kind: 'rmsnorm-bias' }, attention: { qkNorm: { norm: { kind: 'layernorm' } } } },
    ],
  ])('%s with %j', (name, changes, expected) => {
    expect(parsed(name, changes)).toMatchObject(expected);
  });
});

describe('refused in one line that names the key', () => {
  test.each<[string, Config, string]>([
    ['dbrx', { n_heads: 16 }, 'd_model is 48, expected an even multiple of n_heads (16)'],
    ['dbrx', { attn_config: { kv_n_heads: 3 } }, 'attn_config.kv_n_heads is 3, expected a divisor of n_heads (4)'],
    ['dbrx', { ffn_config: { moe_top_k: 5 } }, 'ffn_config.moe_top_k is 5, expected at most moe_num_experts (4)'],
    ['dbrx', { ffn_config: 3 }, 'ffn_config is 3, expected an object'],
    ['xglm', { pad_token_id: 40 }, 'pad_token_id is 40, but there are 34 rows of positions'],
    ['xglm', { d_model: 2, attention_heads: 1 }, 'd_model is 2, expected at least 4 for sinusoidal positions'],
  ])('%s with %j', (name, changes, message) => expectError(name, changes, InputError, message));

  test.each<[string, Config, string]>([
    [
      'openai_gpt_postln',
      { afn: 'gelu_new' },
      'afn is "gelu_new", which is not supported; supported: gelu, relu, silu, swish',
    ],
    ['openai_gpt_postln', { normlab: { norm: 'rmsnorm' } }, 'normlab is {"norm":"rmsnorm"}'],
    ['dbrx', { tie_word_embeddings: true }, 'tie_word_embeddings is true'],
    ['dbrx', { ffn_config: { moe_normalize_expert_weights: 2 } }, 'ffn_config.moe_normalize_expert_weights is 2'],
    ['dbrx', { ffn_config: { ffn_act_fn: { name: 'mish' } } }, 'ffn_config.ffn_act_fn.name is "mish"'],
    ['xglm', { add_cross_attention: true }, 'add_cross_attention is true'],
    ['persimmon', { rope_scaling: { rope_type: 'spiral', factor: 2 } }, 'rope_scaling.rope_type is "spiral"'],
  ])('%s with %j', (name, changes, message) => expectError(name, changes, RefusalError, message));
});

describe('the format of normlab', () => {
  test.each(['opt_postln', 'bloom_post_residual', 'xglm', 'dbrx', 'cohere_qk'])('keeps the spec of %s', (name) => {
    const decoder = parsed(name, {});
    expect(parse(JSON.parse(JSON.stringify(normlabConfig(decoder))))).toEqual(decoder);
  });

  test.each<[string, (spec: Config) => void, string]>([
    [
      'a residual from the norms of branches side by side',
      (s) => Object.assign(s, { residualFromNorm: true, parallel: 'two_norms' }),
      'spec.residualFromNorm: is true, which needs',
    ],
    [
      'head norms with more than weights',
      (s) => {
        const norm = { kind: 'layernorm', epsilon: 1e-5 };
        Object.assign(s.attention as object, { qkNorm: { norm, extent: 'each_head' } });
      },
      'spec.attention.qkNorm.extent: is each_head, which needs a norm with a weight alone, not layernorm',
    ],
    [
      'sinusoids for three coordinates',
      (s) => Object.assign(s, { hiddenSize: 3, streamSize: 3, positions: { kind: 'sinusoidal' } }),
      'spec.positions.kind: is sinusoidal, which needs a hiddenSize of at least 4',
    ],
  ])('refuses %s', (_, change, message) => {
    const config = JSON.parse(JSON.stringify(normlabConfig(parsed('llama', {}))));
    change(config.spec);
    expect(() => parse(config)).toThrow(`config.json: ${message}`);
  });
});
