import { join } from 'node:path';
import { expect, test } from 'vitest';
import { evaluate } from '../../graph/index.ts';
import { changedCopy, type Tensors } from '../checkpoint.fixture.ts';
import { queryFactors } from '../positions.ts';
import { verifyModel } from '../verify/index.ts';
import { familyOf } from './index.ts';

const [numHeads, numKeyValueHeads, headSize] = [6, 2, 10];

/** The parameters of Qwen2 as the first Qwen's code names and arranges them: each head with a copy of its keys. */
function asFirstQwen(tensors: Tensors): void {
  const take = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    tensors.delete(name);
    return tensor;
  };
  const rename = (from: string, to: string) => tensors.set(to, take(from));
  const layers = [...tensors.keys()].filter((name) => name.endsWith('q_proj.weight')).length;
  for (let i = 0; i < layers; i++) {
    const [from, to] = [`model.layers.${i}.`, `transformer.h.${i}.`];
    for (const kind of ['weight', 'bias']) {
      const query = take(`${from}self_attn.q_proj.${kind}`);
      const spread = ['k', 'v'].map((letter) => {
        const { data } = take(`${from}self_attn.${letter}_proj.${kind}`);
        const size = data.length / numKeyValueHeads;
        const head = (h: number) => Math.floor((h * numKeyValueHeads) / numHeads);
        return Array.from({ length: numHeads }, (_, h) => data.subarray(head(h) * size, (head(h) + 1) * size));
      });
      const data = Buffer.concat([query.data, ...spread.flat()]);
      const shape = [3 * numHeads * headSize, ...query.shape.slice(1)];
      tensors.set(`${to}attn.c_attn.${kind}`, { ...query, shape, data: new Uint8Array(data) });
    }
    rename(`${from}self_attn.o_proj.weight`, `${to}attn.c_proj.weight`);
    rename(`${from}mlp.up_proj.weight`, `${to}mlp.w1.weight`);
    rename(`${from}mlp.gate_proj.weight`, `${to}mlp.w2.weight`);
    rename(`${from}mlp.down_proj.weight`, `${to}mlp.c_proj.weight`);
    rename(`${from}input_layernorm.weight`, `${to}ln_1.weight`);
    rename(`${from}post_attention_layernorm.weight`, `${to}ln_2.weight`);
  }
  rename('model.embed_tokens.weight', 'transformer.wte.weight');
  rename('model.norm.weight', 'transformer.ln_f.weight');
  const buffer = new Uint8Array(4 * (headSize / 2));
  const name = 'transformer.rotary_emb.inv_freq';
  tensors.set(name, { name, dtype: 'float32', shape: [headSize / 2], data: buffer });
}

const ownKeys = { model_type: 'qwen', kv_channels: headSize, seq_length: 64, no_bias: true, layer_norm_epsilon: 1e-5 };

function configured(changes: Record<string, unknown>) {
  return (config: Record<string, unknown>) => {
    const { vocab_size, hidden_size, num_attention_heads, num_hidden_layers, intermediate_size } = config;
    for (const key of Object.keys(config)) delete config[key];
    const sizes = { vocab_size, hidden_size, num_attention_heads, num_hidden_layers };
    Object.assign(config, sizes, ownKeys, { intermediate_size: 2 * Number(intermediate_size) }, changes);
  };
}

test.each<[string, Record<string, unknown>]>([
  ['as published', {}],
  // 16 tokens of 12: 2^⌈log₂(16/12) + 1⌉ − 1 = 3.
  [
    'with rotations of a longer context',
    { seq_length: 12, use_logn_attn: false, rotary_emb_base: 10_000 / 3 ** (headSize / (headSize - 2)) },
  ],
])('the first Qwen computes what Qwen2 does, %s', async (_, changes) => {
  const folder = await changedCopy('qwen2', {
    config: configured(changes),
    tensors: asFirstQwen,
    recording: (tensors) => {
      for (const name of [...tensors.keys()]) if (name.startsWith('grad.')) tensors.delete(name);
    },
  });
  const { ok, tensors } = await verifyModel(folder, { against: join(folder, 'golden.safetensors') });
  expect(tensors.filter((tensor) => !tensor.ok)).toEqual([]);
  expect(ok).toBe(true);
});

test('queries beyond seq_length are multiplied by the logarithm of their number', () => {
  const sizes = { vocab_size: 9, hidden_size: 16, num_attention_heads: 2, num_hidden_layers: 1 };
  const config = { model_type: 'qwen', ...sizes, kv_channels: 8, seq_length: 4 };
  const spec = familyOf(config).parse(config);
  expect(queryFactors(spec, { kind: 'counted', length: 4 })).toBeUndefined();
  const factors = queryFactors(spec, { kind: 'counted', length: 8 });
  const [value] = factors === undefined ? [] : evaluate([factors], {});
  const expected = [1, 1, 1, 1, Math.log(5), Math.log(6), Math.log(7), Math.log(8)];
  expect(value?.shape).toEqual([8, 1]);
  for (const [i, x] of expected.entries()) expect(value?.data[i]).toBeCloseTo(i < 4 ? x : x / Math.log(4), 14);
});

test('sizes that contradict each other are refused', () => {
  const sizes = { vocab_size: 9, hidden_size: 16, num_attention_heads: 2, num_hidden_layers: 1, seq_length: 4 };
  const parse = (changes: object) => familyOf({ model_type: 'qwen' }).parse({ ...sizes, ...changes });
  expect(() => parse({})).toThrow('kv_channels is 128, expected hidden_size (16) / num_attention_heads (2)');
  expect(() => parse({ kv_channels: 8, seq_length: undefined })).toThrow('seq_length is missing');
  expect(() => parse({ kv_channels: 8, seq_length: 1 })).toThrow('seq_length is 1');
  expect(() => parse({ kv_channels: 8, rotary_pct: 0.4 })).toThrow('3 of 8 coordinates of a head are rotated');
  expect(parse({ kv_channels: 8, intermediate_size: 33 }).mlp.innerSize).toBe(16);
});
