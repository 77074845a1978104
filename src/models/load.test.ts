import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { evaluate, makeValue } from '../graph/index.ts';
import { buildDecoder } from './build.ts';
import {
  changedCopy,
  golden,
  readTensors,
  scaleEntry,
  type Tensors,
  temporaryFolder,
  writeTensors,
} from './checkpoint.fixture.ts';
import { type Model, openModel, readParameters } from './load.ts';
import { writeRandomModel } from './random/write.ts';
import { type StoredTensor, saveNormlabModel } from './save.ts';

async function withModel<T>(folder: string, use: (model: Model) => Promise<T>): Promise<T> {
  const model = await openModel(folder);
  try {
    return await use(model);
  } finally {
    await model.checkpoint.close();
  }
}

/** The logits of a model for some tokens. */
function logitsOf(folder: string): Promise<Float64Array> {
  return withModel(folder, async (model) => {
    const graph = buildDecoder(model.spec, { batch: 1, sequence: 4, storage: model.storage });
    const feeds = { ...(await readParameters(model)), input_ids: makeValue('int', [1, 4], [1, 90, 7, 7]) };
    return evaluate([graph.logits], feeds)[0]?.data ?? new Float64Array();
  });
}

function add(tensors: Tensors, name: string, shape: readonly number[], like?: string): void {
  const data = like === undefined ? new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)) : tensors.get(like)?.data;
  tensors.set(name, { name, dtype: 'float32', shape, data: data ?? new Uint8Array() });
}

function stripPrefix(tensors: Tensors, prefix = 'transformer.'): void {
  for (const [name, tensor] of [...tensors]) {
    tensors.delete(name);
    tensors.set(name.replace(prefix, ''), tensor);
  }
}

describe('what checkpoints hold besides the parameters', () => {
  test.each<[string, string, (tensors: Tensors) => void]>([
    [
      "GPT-2 from the hub: no prefix, each block's causal mask",
      'gpt2',
      (tensors) => {
        stripPrefix(tensors);
        for (const layer of [0, 1, 2]) {
          add(tensors, `h.${layer}.attn.bias`, [1, 1, 32, 32]);
          add(tensors, `h.${layer}.attn.masked_bias`, []);
        }
      },
    ],
    ['masks under the prefix', 'gpt2', (tensors) => add(tensors, 'transformer.h.1.attn.bias', [1, 1, 32, 32])],
    ['frequencies', 'llama', (tensors) => add(tensors, 'model.layers.2.self_attn.rotary_emb.inv_freq', [6])],
    [
      'OPT from the hub: no prefix, its version',
      'opt_postln',
      (tensors) => {
        stripPrefix(tensors, 'model.');
        add(tensors, 'decoder.version', [1]);
      },
    ],
    [
      'GPT-1 from the hub: no prefix, causal masks, position ids',
      'openai_gpt_postln',
      (tensors) => {
        stripPrefix(tensors);
        add(tensors, 'h.0.attn.bias', [1, 1, 32, 32]);
        add(tensors, 'position_ids', [32]);
      },
    ],
    ['computed positions', 'xglm', (tensors) => add(tensors, 'model.embed_positions.weights', [34, 36])],
    [
      'frequencies of DBRX',
      'dbrx',
      (tensors) => add(tensors, 'transformer.blocks.1.norm_attn_norm.attn.rotary_emb.inv_freq', [6]),
    ],
    [
      'a tied head of its own name',
      'biogpt',
      (t) => add(t, 'output_projection.weight', [112, 36], 'biogpt.embed_tokens.weight'),
    ],
    ['a tied head that is the same', 'gpt2', (t) => add(t, 'lm_head.weight', [256, 48], 'transformer.wte.weight')],
  ])('%s', async (_, name, tensors) => {
    expect(await logitsOf(await changedCopy(name, { tensors }))).toEqual(await logitsOf(golden(name)));
  });

  test('a tied head that differs is refused: libraries disagree about it', async () => {
    const folder = await changedCopy('gpt2', { tensors: (t) => add(t, 'lm_head.weight', [256, 48]) });
    await expect(openModel(folder)).rejects.toThrow('lm_head.weight differs from transformer.wte.weight');
  });

  test('a tied head that is larger than what is compared at once: its last number counts too', async () => {
    const [folder, file] = [join(await temporaryFolder(), 'model'), 'model.safetensors'];
    const config = { model_type: 'gpt2', n_embd: 64, n_head: 1, n_layer: 1, n_positions: 8, vocab_size: 40_000 };
    await writeRandomModel({ config, out: folder });
    const tensors = await readTensors(join(folder, file));
    add(tensors, 'lm_head.weight', [40_000, 64], 'transformer.wte.weight');
    await writeTensors(join(folder, file), tensors);
    await withModel(folder, async ({ checkpoint }) => expect(checkpoint.tensors.has('lm_head.weight')).toBe(true));
    const head = tensors.get('lm_head.weight');
    if (head !== undefined) tensors.set('lm_head.weight', { ...head, data: head.data.slice() });
    scaleEntry(tensors, 'lm_head.weight', 40_000 * 64 - 1, 1.5);
    await writeTensors(join(folder, file), tensors);
    await expect(openModel(folder)).rejects.toThrow('lm_head.weight differs from transformer.wte.weight');
  });
});

describe('tensors that do not fit the config', () => {
  const refusals: [string, string, (tensors: Tensors) => void, string][] = [
    [
      'one missing',
      'llama',
      (t) => t.delete('model.norm.weight'),
      'missing model.norm.weight of the 30 tensors of a llama model',
    ],
    [
      'a layer missing',
      'llama',
      (t) => [...t.keys()].filter((name) => name.includes('.2.')).map((name) => t.delete(name)),
      'missing model.layers.2.input_layernorm.weight, model.layers.2.self_attn.q_proj.weight, model.layers.2.self_attn.k_proj.weight and 6 more',
    ],
    [
      'one under another name',
      'llama',
      (t) => {
        add(t, 'model.norm.wight', [48]);
        t.delete('model.norm.weight');
      },
      'it holds model.norm.wight instead',
    ],
    [
      'a surplus bias',
      'llama',
      (t) => add(t, 'model.norm.bias', [48]),
      'holds model.norm.bias, which config.json gives no place (did you mean "model.norm.weight"?)',
    ],
    ['a surplus head', 'llama_gqa_tied', (t) => add(t, 'lm_head.bias', [128]), 'holds lm_head.bias'],
    ['a buffer of the wrong family', 'llama', (t) => add(t, 'h.0.attn.bias', [1]), 'holds h.0.attn.bias'],
    [
      'another shape',
      'llama',
      (t) => add(t, 'model.embed_tokens.weight', [257, 48]),
      'model.embed_tokens.weight has shape [257, 48], expected [256, 48] (vocab_size, hidden_size in config.json)',
    ],
    [
      'transposed',
      'gpt2',
      (t) => add(t, 'transformer.h.0.mlp.c_fc.weight', [192, 48]),
      'has shape [192, 48], expected [48, 192] (n_inner, n_embd in config.json)',
    ],
    [
      'whole numbers',
      'llama',
      (t) => t.set('model.norm.weight', { name: '', dtype: 'int32', shape: [48], data: new Uint8Array(192) }),
      'model.norm.weight is stored as int32, expected float64',
    ],
    ['an unprintable name', 'llama', (t) => add(t, 'a\nb', [1]), 'holds "a\\nb"'],
  ];
  test.each(refusals)('%s', async (_, name, tensors, message) => {
    const folder = await changedCopy(name, { tensors });
    await expect(openModel(folder)).rejects.toThrow(message);
    await expect(openModel(folder)).rejects.not.toThrow('\n');
  });

  test('messages about the config name its file', async () => {
    const folder = await changedCopy('llama', { config: (config) => Object.assign(config, { model_type: 'lama' }) });
    await expect(openModel(folder)).rejects.toThrow(`${join(folder, 'config.json')}: model_type is "lama"`);
  });
});

describe("normlab's own format", () => {
  /** The parameters of a model under their canonical names, in their canonical shapes. */
  function canonicalTensors(folder: string) {
    return withModel(folder, async ({ spec, storage, checkpoint }) => {
      const tensors = new Map<string, StoredTensor>();
      for (const [name, { tensor, transposed }] of storage) {
        const { shape } = checkpoint.tensors.get(tensor) ?? { shape: [] };
        const [rows = 1, columns = 1] = shape;
        const data = await checkpoint.readFloat64(tensor);
        const turned = data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)] ?? Number.NaN);
        tensors.set(name, {
          dtype: 'float32',
          shape: transposed ? [columns, rows] : shape,
          data: transposed ? turned : data,
        });
      }
      return { spec, tensors };
    });
  }

  test.each(['gpt2', 'gpt2_n36_untied', 'llama_sharded', 'llama_gqa_tied', 'olmo'])('holds %s', async (name) => {
    const { spec, tensors } = await canonicalTensors(golden(name));
    const folder = join(await temporaryFolder(), 'saved');
    await saveNormlabModel(folder, spec, tensors, { source: name });
    expect(await logitsOf(folder)).toEqual(await logitsOf(golden(name)));
    await withModel(folder, async (model) => {
      expect(model.spec).toEqual(spec);
      expect(model.config.source).toBe(name);
    });
  });

  test('takes exactly the parameters of the spec', async () => {
    const { spec, tensors } = await canonicalTensors(golden('olmo'));
    const folder = await temporaryFolder();
    const without = new Map([...tensors].slice(1));
    await expect(saveNormlabModel(folder, spec, without)).rejects.toThrow(
      'no tensor is given for embedding.token.weight',
    );
    const more = new Map([
      ...tensors,
      ['blocks.0.up.bias', { dtype: 'float32', shape: [1], data: new Float64Array(1) }] as const,
    ]);
    await expect(saveNormlabModel(folder, spec, more)).rejects.toThrow('has no parameters blocks.0.up.bias');
    await expect(saveNormlabModel(folder, { ...spec, streamSize: 59 }, tensors)).rejects.toThrow('spec.streamSize');
  });
});
