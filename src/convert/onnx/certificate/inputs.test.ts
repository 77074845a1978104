import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeModel, type OnnxModel } from '../../../graph/index.ts';
import { boundDims, sizedShape, sizesToTry } from './dims.ts';
import { tableRows } from './indices.ts';
import { makeOnnxInputs, type OnnxInputs } from './inputs.ts';

const url = (name: string, file: string) => new URL(`../../../../test/fixtures/onnx/${name}/${file}`, import.meta.url);
const modelOf = (name: string) => decodeModel(readFileSync(url(name, 'model.onnx')), name);

/** The inputs that are made where everything runs. */
async function made(model: OnnxModel, options: Parameters<typeof makeOnnxInputs>[1] = {}): Promise<OnnxInputs> {
  return (await makeOnnxInputs(model, options, async () => null)).inputs;
}

describe('inputs', () => {
  it('finds the smallest table that ids pick from, behind casts and shapes', () => {
    const { graph } = modelOf('bert');
    expect(tableRows(graph, ['input_ids', 'attention_mask', 'token_type_ids'])).toEqual(
      new Map([
        ['input_ids', 96],
        ['token_type_ids', 2],
      ]),
    );
    // Unfolded, the table is an initializer that an Identity or Transpose stands before.
    expect(tableRows(modelOf('gpt2_opset14').graph, ['input_ids']).get('input_ids')).toBe(96);
  });

  it('are ids below that, ones for masks, positions after the past', async () => {
    const { values, contents } = await made(modelOf('gpt2_with_past'));
    const shapes = Object.fromEntries([...values].map(([name, { shape }]) => [name, shape]));
    expect(shapes).toMatchObject({
      input_ids: [2, 16],
      attention_mask: [2, 20],
      position_ids: [2, 16],
      'past_key_values.1.value': [2, 4, 4, 8],
    });
    const ids = values.get('input_ids')?.data ?? [];
    expect(new Set(ids).size).toBeGreaterThan(20);
    expect(Math.max(...ids)).toBeLessThan(96);
    expect(new Set(values.get('attention_mask')?.data)).toEqual(new Set([1]));
    expect([...(values.get('position_ids')?.data.subarray(0, 4) ?? [])]).toEqual([4, 5, 6, 7]);
    expect(contents.get('position_ids')).toBe('positions');
    const past = values.get('past_key_values.0.key')?.data ?? [];
    expect(Array.from(past, Math.fround)).toEqual([...past]);
  });

  it('are smaller where the model does not run on larger ones', async () => {
    const tried: (readonly number[] | undefined)[] = [];
    const { inputs } = await makeOnnxInputs(modelOf('gpt2'), {}, async ({ values }) => {
      tried.push(values.get('input_ids')?.shape);
      if (tried.length < 3) throw new Error('too long');
    });
    expect(tried).toEqual([
      [2, 16],
      [2, 8],
      [2, 4],
    ]);
    expect(inputs.values.get('input_ids')?.shape).toEqual([2, 4]);
    const never = makeOnnxInputs(modelOf('gpt2'), {}, () => Promise.reject(new Error('no\nreason')));
    await expect(never).rejects.toThrow(
      'the model ran on no inputs that were made for it (no); give some in a safetensors file',
    );
  });

  it('come from a file as far as that has them, and the others fit to them', async () => {
    const file = url('gpt2_with_past', 'golden.safetensors').pathname;
    const { values, contents } = await made(modelOf('gpt2_with_past'), { file });
    expect(values.get('input_ids')?.shape).toEqual([2, 10]);
    expect(new Set(contents.values())).toEqual(new Set(['given']));
    await expect(made(modelOf('vit'), { file })).rejects.toThrow('has none of the model\'s inputs "pixel_values"');
    const t5 = url('t5', 'golden.safetensors').pathname;
    const bert = await made(modelOf('bert'), { file: t5 });
    expect(bert.contents.get('token_type_ids')).toBe('random');
    expect(bert.values.get('token_type_ids')?.shape).toEqual([2, 10]);
  });

  it('have lengths by the names of their dimensions', () => {
    const [sizes] = sizesToTry;
    if (sizes === undefined) throw new Error('nothing is tried');
    const sized = (...shape: (string | number)[]) => sizedShape(shape, sizes, new Map([['known', 5]]));
    expect(sized('batch_size', 'sequence_length', 3)).toEqual([2, 16, 3]);
    expect(sized('n', 'past_sequence_length + 1', 'total_sequence_length', 'known')).toEqual([2, 5, 20, 5]);
    expect(sized('x.0', 'x.1', 'past_sequence_length + sequence_length')).toEqual([2, 16, 20]);
    expect(
      boundDims([
        [
          ['batch', 3, 'length'],
          [7, 3, 9],
        ],
      ]),
    ).toEqual(
      new Map([
        ['batch', 7],
        ['length', 9],
      ]),
    );
  });
});
