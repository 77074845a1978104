import { join } from 'node:path';
import { expect, test } from 'vitest';
import { changedCopy } from '../checkpoint.fixture.ts';
import { verifyModel } from '../verify/index.ts';
import { familyOf } from './index.ts';

test('the text model within one that sees pictures computes the same, and leaves their tensors alone', async () => {
  const folder = await changedCopy('gemma3_text', {
    config: (config) => {
      const text = { ...config };
      for (const key of Object.keys(config)) delete config[key];
      Object.assign(config, { model_type: 'gemma3', text_config: text, vision_config: { hidden_size: 8 } });
    },
    tensors: (tensors) => {
      const all = [...tensors];
      tensors.clear();
      for (const [name, tensor] of all) tensors.set(`language_model.${name}`, tensor);
      for (const name of [
        'vision_tower.vision_model.post_layernorm.bias',
        'multi_modal_projector.mm_soft_emb_norm.weight',
      ])
        tensors.set(name, { name, dtype: 'float32', shape: [2], data: new Uint8Array(8) });
    },
    recording: (tensors) => {
      for (const name of [...tensors.keys()]) if (name.startsWith('grad.')) tensors.delete(name);
    },
  });
  const { ok } = await verifyModel(folder, { against: join(folder, 'golden.safetensors') });
  expect(ok).toBe(true);
});

test('sizes that published configs leave out', () => {
  const text_config = { hidden_size: 2560, intermediate_size: 10_240, num_hidden_layers: 34, sliding_window: 1024 };
  const scaling = { rope_scaling: { factor: 8, rope_type: 'linear' } };
  const spec = familyOf({ model_type: 'gemma3' }).parse({ text_config: { ...text_config, ...scaling } });
  expect(spec).toMatchObject({
    vocabularySize: 262_208,
    attention: { numHeads: 8, numKeyValueHeads: 4, headSize: 256 },
    positions: { base: 1e6, scaling: { kind: 'linear', factor: 8 }, local: { base: 1e4 } },
    tiedHead: true,
  });
  expect(spec.attention.windows?.slice(0, 7)).toEqual([1024, 1024, 1024, 1024, 1024, null, 1024]);
});

test('scores have no cap, whatever attn_logit_softcapping says', () => {
  const spec = familyOf({ model_type: 'gemma3_text' }).parse({
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
  });
  expect(spec.attention.scoreCap).toBeUndefined();
  expect(spec.logitCap).toBe(30);
});

test('an encoder with the same layout is refused', () => {
  const parse = (value: unknown) => () =>
    familyOf({ model_type: 'gemma3_text' }).parse({ use_bidirectional_attention: value });
  expect(parse(true)).toThrow('config.json: use_bidirectional_attention is true: tokens that see later ones');
  expect(parse(false)).not.toThrow();
});

test('messages name the key within the text’s config', () => {
  const parse = (config: Record<string, unknown>) => () => familyOf({ model_type: 'gemma3' }).parse(config);
  expect(parse({})).toThrow('config.json: text_config is missing, expected an object');
  expect(parse({ text_config: { head_dim: 0 } })).toThrow('config.json: text_config.head_dim is 0');
  expect(parse({ text_config: {}, quantization_config: { bits: 4 } })).toThrow('quantization_config is {"bits":4}');
});
