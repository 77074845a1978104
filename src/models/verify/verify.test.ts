import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { evaluate, gradients, makeValue } from '../../graph/index.ts';
import { buildDecoder } from '../build.ts';
import { changedCopy, golden, readTensors, scaleEntry, type Tensors } from '../checkpoint.fixture.ts';
import { openModel, readParameters } from '../load.ts';
import { computeDTypes } from './compute.ts';
import { nextTokenLoss } from './outputs.ts';
import { openRecording } from './recording.ts';
import { type VerifyOptions, verifyModel } from './verify.ts';

const cases = [
  'gpt2',
  'gpt2_n36_untied',
  'gpt2_bf16',
  'llama',
  'llama_gqa_tied',
  'llama_sharded',
  'llama_f16',
  'deepseek_llm',
  'olmo',
  'mistral_window',
  'qwen2',
  'qwen2_tied',
  'qwen3',
  'gemma',
  'gemma2',
  'olmo2',
  'phi3',
  'glm4',
  'mixtral',
  'olmoe',
  'qwen2_moe',
  'qwen3_moe',
  'gemma3_text',
  'granite',
  'deepseek_v3',
  'deepseek_v3_plain_queries',
  'phi3_longrope',
  'gpt_neo',
  'gpt_bigcode',
  'gpt_neox_parallel',
  'gpt_neox_hub_buffers',
  'opt',
  'bloom',
  'falcon_new_arch',
  'falcon_rw_arch',
  'gptj',
  'codegen',
  'phi',
  'mpt',
  'stablelm',
  'starcoder2',
  'cohere',
  'cohere2',
  'openai_gpt_postln',
  'opt_postln',
  'bloom_post_residual',
  'dbrx',
  'persimmon',
  'nemotron',
  'nemotron_square',
  'xglm',
  'biogpt',
  'stablelm_qk_parallel',
  'cohere_qk',
  'phi_qk',
];

const verify = (folder: string, options: Partial<VerifyOptions> = {}) =>
  verifyModel(folder, { against: join(folder, 'golden.safetensors'), ...options });

describe.each(cases)('%s', (name) => {
  test.each(computeDTypes)('agrees with PyTorch in %s', async (dtype) => {
    const { ok, tensors } = await verify(golden(name), { dtype });
    expect(tensors.filter((tensor) => !tensor.ok)).toEqual([]);
    expect(ok).toBe(true);
    const recorded = await readTensors(join(golden(name), 'golden.safetensors'));
    expect(tensors.map((tensor) => tensor.name).sort()).toEqual(
      [...recorded.keys()].filter((key) => key !== 'input_ids').sort(),
    );
    expect(tensors.map(({ group }) => group)).toContain('gradients');
  });

  test('the gradients of all parameters agree with PyTorch', async () => {
    const notes = JSON.parse(await readFile(join(golden(name), 'golden.json'), 'utf8'));
    const model = await openModel(golden(name));
    const recording = await openRecording(join(golden(name), 'golden.safetensors'), model.spec);
    const { batch, sequence, inputIds } = recording;
    const graph = buildDecoder(model.spec, { batch, sequence, storage: model.storage });
    const names = [...graph.parameters.keys()];
    const feeds = { ...(await readParameters(model)), input_ids: makeValue('int', [batch, sequence], inputIds) };
    const values = evaluate(gradients(nextTokenLoss(graph, sequence), [...graph.parameters.values()]), feeds);
    await Promise.all([recording.file.close(), model.checkpoint.close()]);

    expect(names.sort()).toEqual(Object.keys(notes.parameters).sort());
    for (const [i, parameter] of [...graph.parameters.keys()].entries()) {
      const { l2, first } = notes.parameters[parameter].grad;
      const { data = [] } = values[i] ?? {};
      const norm = Math.sqrt(Array.from(data).reduce((sum, value) => sum + value * value, 0));
      expect(norm, parameter).toBeCloseTo(l2, 10);
      for (const [j, value] of first.entries()) expect(data[j], parameter).toBeCloseTo(value, 10);
    }
  });
});

/** Copies of other cases' decoders in another dtype, in shards or with buffers. */
const storedOtherwise = ['gpt2_bf16', 'llama_sharded', 'llama_f16', 'deepseek_llm', 'gpt_neox_hub_buffers'];
const changedCases = cases.filter((name) => !storedOtherwise.includes(name));

test.each(changedCases)(
  'one weight changed by one part in a million is noticed: every kind of tensor of %s',
  async (name) => {
    const tensors = await readTensors(join(golden(name), 'model.safetensors'));
    const ids = (await readTensors(join(golden(name), 'golden.safetensors'))).get('input_ids');
    const firstId = new DataView(ids?.data.buffer ?? new ArrayBuffer(8)).getUint8(0);
    // The last layer's of each kind, which the fewest layers come after; for one of experts, each of them.
    const kinds = new Map<string, string[]>();
    for (const key of tensors.keys()) {
      const kind = key.replace(/(?<=\.)\d+(?=\.)/g, '#');
      const isSameLayer = kinds.get(kind)?.[0]?.split('.experts.')[0] === key.split('.experts.')[0];
      kinds.set(kind, [...(isSameLayer ? (kinds.get(kind) ?? []) : []), key]);
    }
    expect(kinds.size).toBeGreaterThanOrEqual(8);
    const isNoticed = async (tensor: string): Promise<boolean> => {
      const isTokens = /wte|tokens_embed|embed_tokens|embed_in|word_embeddings\.weight/.test(tensor);
      const isLatePosition = tensor.endsWith('.embed_positions.weight');
      const width = tensors.get(tensor)?.shape[1] ?? 1;
      // The router's row of an expert that no token comes near to choosing changes nothing.
      const isRouter =
        tensor.endsWith('moe.gate.weight') || (name.startsWith('deepseek_v3') && tensor.endsWith('mlp.gate.weight'));
      const index = isTokens ? firstId * width : isLatePosition || isRouter ? 2 * width : 0;
      const folder = await changedCopy(name, { tensors: (all) => scaleEntry(all, tensor, index, 1 + 1e-6) });
      return !(await verify(folder, { only: ['logits'] })).ok;
    };
    for (const [kind, members] of kinds) {
      // Without rotary positions a key's bias adds the same to all scores of a query.
      if (/^(opt|opt_postln|xglm|biogpt)$/.test(name) && kind.endsWith('k_proj.bias')) continue;
      // It counts in the choice alone.
      if (kind.endsWith('e_score_correction_bias')) continue;
      // No token may choose an expert: another one does, then.
      let noticed = false;
      for (const member of members) {
        noticed = await isNoticed(member);
        if (noticed) break;
      }
      expect(noticed, kind).toBe(true);
    }
  },
);

describe('what is compared', () => {
  test('a recorded gradient that is off by one part in a million is noticed, and only that', async () => {
    const name = 'grad.transformer.wte.weight';
    const folder = await changedCopy('gpt2', {
      recording: (tensors) => {
        const data = new Float64Array(tensors.get(name)?.data.buffer ?? new ArrayBuffer(0));
        const largest = data.reduce((best, value, i) => (Math.abs(value) > Math.abs(data[best] ?? 0) ? i : best), 0);
        scaleEntry(tensors, name, largest, 1 + 1e-6);
      },
    });
    const { tensors } = await verify(folder);
    expect(tensors.filter(({ ok }) => !ok).map((tensor) => tensor.name)).toEqual([name]);
  });

  test.each(computeDTypes)(
    'a NaN or an infinity in the recording is outside of every tolerance (%s)',
    async (dtype) => {
      const names = ['logits', 'hidden_states.0', 'grad.transformer.wte.weight'];
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const folder = await changedCopy('gpt2', {
          recording: (tensors) => {
            for (const name of names) scaleEntry(tensors, name, 5, value);
          },
        });
        const { tensors } = await verify(folder, { dtype, tolerance: 1e300 });
        const outside = tensors.filter(({ ok }) => !ok);
        expect(outside.map(({ name, index }) => [name, index])).toEqual(names.map((name) => [name, 5]));
      }
    },
  );

  test('NaN in the model is outside, also where the recording holds NaN', async () => {
    const folder = await changedCopy('llama', {
      tensors: (tensors) => scaleEntry(tensors, 'model.norm.weight', 0, Number.NaN),
      recording: (tensors) => {
        for (let i = 0; i < 2 * 16 * 256; i++) scaleEntry(tensors, 'logits', i, Number.NaN);
      },
    });
    expect((await verify(folder, { only: ['logits'] })).ok).toBe(false);
  });

  test('a tolerance replaces the bound on logits and loss alone', async () => {
    const { tensors } = await verify(golden('gpt2'), { tolerance: 1e-30 });
    const strict = tensors.filter(({ bound }) => bound === 1e-30).map(({ name }) => name);
    expect(strict).toEqual(['logits', 'loss']);
    expect(tensors.find(({ name }) => name === 'logits')?.ok).toBe(false);
  });

  test('float32 falls back to 2e-5 without notes on the recording', async () => {
    const against = join(await changedCopy('gpt2', {}), 'golden.safetensors');
    const bounds = async (path: string) =>
      (await verify(golden('gpt2'), { against: path, dtype: 'float32' })).tensors[0]?.bound;
    expect(await bounds(against)).toBe(4 * 4.551869325478131e-6);
    const { rm } = await import('node:fs/promises');
    await rm(join(against, '..', 'golden.json'));
    expect(await bounds(against)).toBe(2e-5);
  });

  test('groups come in order, hidden states by number', async () => {
    const { tensors } = await verify(golden('gpt2'), { only: ['loss', 'hidden_states'] });
    expect(tensors.map(({ name }) => name)).toEqual([
      'loss',
      ...[0, 1, 2, 3].map((i) => `hidden_states.${i}`),
      'last_block_out',
    ]);
  });

  test.each(computeDTypes)('a dump holds what was computed, and verifies (%s)', async (dtype) => {
    const folder = await changedCopy('gpt2', {});
    const dump = join(folder, 'dump.safetensors');
    await verify(golden('gpt2'), { dtype, dump });
    const again = await verify(golden('gpt2'), { dtype, against: dump, tolerance: 0 });
    expect(again.tensors.map(({ name }) => name).sort()).toEqual(
      (await verify(golden('gpt2'))).tensors.map(({ name }) => name).sort(),
    );
    expect(again.ok).toBe(true);
  });

  test('weights without the prefix of the whole model are compared with gradients that have it', async () => {
    const folder = await changedCopy('gpt2', {
      tensors: (tensors) => {
        for (const [name, tensor] of [...tensors]) {
          tensors.delete(name);
          tensors.set(name.replace('transformer.', ''), tensor);
        }
      },
    });
    expect((await verify(folder)).ok).toBe(true);
  });
});

describe('recordings that do not fit', () => {
  const replace = (tensors: Tensors, name: string, shape: readonly number[], entries: readonly number[]) => {
    const data = new Uint8Array(BigInt64Array.from(entries, BigInt).buffer);
    tensors.set(name, { name, dtype: 'int64', shape, data });
  };
  test.each<[string, (tensors: Tensors) => void, string]>([
    ['no token ids', (t) => t.delete('input_ids'), 'input_ids is missing'],
    [
      'ids past the vocabulary',
      (t) => replace(t, 'input_ids', [1, 2], [3, 256]),
      'input_ids holds 256, but the model’s',
    ],
    ['negative ids', (t) => replace(t, 'input_ids', [1, 2], [-1, 2]), 'input_ids holds -1'],
    ['one axis', (t) => replace(t, 'input_ids', [2], [1, 2]), 'has shape [2], expected [batch, sequence]'],
    ['no ids', (t) => replace(t, 'input_ids', [0, 2], []), 'has shape [0, 2]'],
    ['too many positions', (t) => replace(t, 'input_ids', [1, 33], Array(33).fill(0)), 'are 33 long'],
    ['no next token', (t) => replace(t, 'input_ids', [1, 1], [1]), 'input_ids are 1 long, but a loss needs'],
    [
      'another batch',
      (t) => replace(t, 'input_ids', [1, 2], [1, 2]),
      'logits has shape [2, 16, 256], expected [1, 2, 256]',
    ],
    ['an unknown name', (t) => replace(t, 'logit', [1], [1]), '"logit" (did you mean "logits"?)'],
    [
      'an unknown tensor',
      (t) => replace(t, 'grad.transformer.wto.weight', [1], [1]),
      'did you mean "transformer.wte.weight"',
    ],
    [
      'a layer too many',
      (t) => replace(t, 'hidden_states.4', [1], [1]),
      'holds "hidden_states.4", but the model has 3 layers',
    ],
    ['a name that a terminal obeys', (t) => replace(t, 'grad.\u001b[2J', [1], [1]), 'no tensor "\\u001b[2J"'],
    ['nothing', (t) => [...t.keys()].map((key) => key !== 'input_ids' && t.delete(key)), 'holds nothing to compare'],
  ])('%s', async (_, recording, message) => {
    const folder = await changedCopy('gpt2', { recording });
    await expect(verify(folder)).rejects.toThrow(message.replace('’', "'"));
  });

  test('floating-point token ids', async () => {
    const folder = await changedCopy('gpt2', {
      recording: (tensors) => {
        const name = 'input_ids';
        tensors.set(name, { name, dtype: 'float32', shape: [1, 2], data: new Uint8Array(8) });
      },
    });
    await expect(verify(folder)).rejects.toThrow('input_ids is stored as float32');
  });

  test('a group that is asked for and not recorded', async () => {
    const folder = await changedCopy('gpt2', { recording: (tensors) => tensors.delete('loss') });
    await expect(verify(folder, { only: ['logits', 'loss'] })).rejects.toThrow('holds no loss');
    expect((await verify(folder)).ok).toBe(true);
  });

  test('a dump does not replace what is read', async () => {
    const folder = await changedCopy('gpt2', {});
    for (const file of ['model.safetensors', 'golden.safetensors', 'config.json']) {
      await expect(verify(folder, { dump: join(folder, file) })).rejects.toThrow('one of the files to be compared');
    }
  });
});
