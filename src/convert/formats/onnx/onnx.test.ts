import { readdirSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openSafetensors } from '../../../checkpoint/index.ts';
import { decodeModel } from '../../../graph/index.ts';
import { inspectFolder, openModel } from '../../../models/index.ts';
import { type Decoder, observe, readDecoder } from '../../certificate/observe.ts';
import { type ConvertOptions, convertModel } from '../../convert.ts';
import { converted, goldenFolder, temporaryPaths } from '../../golden.fixture.ts';
import { readParameterValues } from '../../rules/values.ts';
import { conversionVerdict } from '../../verdict.ts';
import { outputLayout, untiedStorage } from '../../write/layout.ts';
import { exportStorage, inExportFiles, modelPath } from './layout.ts';
import { onnx } from './onnx.ts';
import { openExport } from './read.ts';
import { openExportSession, runBatch, runExport } from './run.ts';
import { writeExport } from './write.ts';

const temporary = temporaryPaths();
const made = new Map<string, Promise<string>>();

/** The folder of a golden case that was exported, in float32 unless it is said otherwise; each way once. */
function exported(name: string, more: Partial<ConvertOptions> = {}): Promise<string> {
  const key = [name, ...Object.values(more)].join('-');
  const folder =
    made.get(key) ??
    temporary(key).then(async (out) => {
      const options = { target: 'rmsnorm', format: 'onnx', dtype: 'float32', certify: false } as const;
      await converted({ source: goldenFolder(name), out, ...options, ...more });
      return out;
    });
  made.set(key, folder);
  return folder;
}

async function convertible(name: string): Promise<boolean> {
  const model = await openModel(goldenFolder(name));
  await model.checkpoint.close();
  return conversionVerdict(model, 'rmsnorm').outcome === 'converts';
}

const golden = readdirSync(goldenFolder('.'));
const flags = await Promise.all(golden.map(convertible));
const cases = golden.filter((_, i) => flags[i]);

interface Recording {
  readonly rows: readonly (readonly number[])[];
  readonly logits: Float64Array;
  /** How far the recorder's own float32 run was from its float64 run. */
  readonly float32Error: number;
}

async function recording(name: string): Promise<Recording> {
  const file = await openSafetensors(join(goldenFolder(name), 'golden.safetensors'));
  try {
    const [batch = 0, sequence = 0] = file.tensors.get('input_ids')?.shape ?? [];
    const ids = await file.readFloat64('input_ids');
    const rows = Array.from({ length: batch }, (_, row) => [...ids.subarray(row * sequence, (row + 1) * sequence)]);
    const facts: unknown = JSON.parse(await readFile(join(goldenFolder(name), 'golden.json'), 'utf8'));
    const float32Error = Number(Object(facts).max_abs_f32_vs_f64);
    return { rows, logits: await file.readFloat64('logits'), float32Error };
  } finally {
    await file.close();
  }
}

function difference(a: Float64Array, b: Float64Array): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}

async function readExport(folder: string): Promise<Decoder> {
  const { spec, parameters, close } = await openExport(folder);
  try {
    return { spec, parameters: await readParameterValues(spec, parameters) };
  } finally {
    await close();
  }
}

describe('the written file in ONNX Runtime gives the recorded logits', () => {
  test('of every convertible case', () => {
    expect(cases.length).toBeGreaterThanOrEqual(25);
  });

  test.each(cases)('%s: at once, step by step, and padded on the left', async (name) => {
    const out = await exported(name);
    const { spec, close } = await openExport(out);
    await close();
    const { rows, logits, float32Error } = await recording(name);
    // Weights were rounded once more, and the engine sums in another order: 8 times PyTorch's own error does for both.
    const most = 8 * float32Error;
    const length = rows[0]?.length ?? 0;
    const session = await openExportSession(out);
    try {
      const positions = (before: number) => rows.map(() => [...Array(before).fill(1), ...Array(length).keys()]);
      const ones = (count: number) => Array<number>(count).fill(1);
      for (const starts of [[0], [0, 5, 6, 7]]) {
        const mask = rows.map(() => ones(length));
        const given = { inputIds: rows, mask, positionIds: positions(0), starts };
        expect(difference(await runBatch(session, spec, given), logits)).toBeLessThan(most);
      }
      const padded = 3;
      const all = await runBatch(session, spec, {
        inputIds: rows.map((row) => [...row.slice(0, padded), ...row]),
        mask: rows.map(() => [...Array<number>(padded).fill(0), ...ones(length)]),
        positionIds: positions(padded),
        starts: [0, length],
      });
      const { vocabularySize } = spec;
      const tokens = rows.map((_, row) => {
        const start = (row * (padded + length) + padded) * vocabularySize;
        return [...all.subarray(start, start + length * vocabularySize)];
      });
      expect(difference(Float64Array.from(tokens.flat()), logits)).toBeLessThan(most);
      expect(all.every(Number.isFinite)).toBe(true);
    } finally {
      await session.release();
    }
  });
});

/** The logits that a folder's graph gives in ONNX Runtime, and those of what it stores in float64, on the recorded ids. */
async function bothOf(out: string, name: string) {
  const { rows, float32Error } = await recording(name);
  const written = await readExport(out);
  return { run: await runExport(out, written.spec, rows), stored: observe(written, rows).logits, float32Error };
}

describe('other weights and norms', () => {
  test.each([
    ['gpt2_bf16', 'rmsnorm', {}],
    ['llama_f16', 'rmsnorm', { fold: true }],
    ['starcoder2', 'rmsnorm', { dtype: 'bfloat16' }],
    ['bloom', 'crmsnorm', {}],
    ['gpt2', 'crmsnorm', {}],
    ['gpt_neox_parallel', 'rmsnorm', { dtype: 'float32', opset: 20 }],
  ] as const)('%s to %s %o: the engine computes what is stored', async (name, target, more) => {
    const out = await exported(name, { dtype: 'source', target, ...more });
    const { run, stored, float32Error } = await bothOf(out, name);
    expect(difference(run, stored)).toBeLessThan(8 * float32Error);
  });

  test('a certificate runs the written graph itself, cache and all', async () => {
    const out = await temporary('certified');
    const source = goldenFolder('gpt2');
    const { certificate } = await converted({ source, out, target: 'crmsnorm', format: 'onnx' });
    const inputIds = certificate?.inputs.inputIds ?? [];
    const { spec } = await readExport(out);
    const run = await runExport(out, spec, inputIds);
    const reference = observe(await readDecoder(source), inputIds).logits;
    expect(certificate?.run.maxAbsLogit).toBe(difference(run, reference));
    expect(certificate).toMatchObject({ passed: true, format: 'onnx', dtypes: ['float32'] });
    expect(certificate?.stored.maxAbsLogit).toBeLessThan(certificate?.limits.stored ?? 0);
  });
});

async function graphOf(out: string) {
  return decodeModel(await readFile(join(out, modelPath)));
}

describe('the graph', () => {
  // optimum-onnx 0.1: TextDecoderWithPositionIdsOnnxConfig with a cache in its inputs, for GPT-2 and for Llama.
  test.each([
    ['gpt2', { fold: false }, 3],
    ['llama', { fold: true }, 3],
  ] as const)('%s has the inputs and outputs of Optimum’s exports', async (name, { fold }, layers) => {
    const { graph } = await graphOf(await exported(name, fold ? { fold } : {}));
    const axes = (values: typeof graph.inputs) => Object.fromEntries(values.map((value) => [value.name, value.shape]));
    const cached = (kind: string, length: string) =>
      Array.from({ length: layers }, (_, i) => ['key', 'value'].map((part) => `${kind}.${i}.${part}`))
        .flat()
        .map((key) => [key, ['batch_size', 4, length, 12]]);
    const all = 'past_sequence_length + sequence_length';
    expect(axes(graph.inputs)).toEqual({
      input_ids: ['batch_size', 'sequence_length'],
      attention_mask: ['batch_size', all],
      position_ids: ['batch_size', 'sequence_length'],
      ...Object.fromEntries(cached('past_key_values', 'past_sequence_length')),
    });
    expect(axes(graph.outputs)).toEqual({
      logits: ['batch_size', 'sequence_length', 256],
      ...Object.fromEntries(cached('present', all)),
    });
    expect(graph.inputs.slice(0, 3).map(({ dtype }) => dtype)).toEqual(['int64', 'int64', 'int64']);
  });

  test.each([
    ['gpt_neox_parallel', true],
    ['opt', true],
    ['falcon_new_arch', true],
    ['falcon_rw_arch', false],
    ['mpt', false],
    ['bloom', false],
  ] as const)('%s: position_ids is an input: %s', async (name, expected) => {
    const { graph } = await graphOf(await exported(name));
    expect(graph.inputs.some((value) => value.name === 'position_ids')).toBe(expected);
  });

  test('holds every norm as RMSNormalization without a weight or bias of its own, of operator set 20 as ONNX Runtime’s', async () => {
    const standard = await graphOf(await exported('gpt_neox_parallel'));
    const older = await graphOf(await exported('gpt_neox_parallel', { opset: 20 }));
    const opTypes = (model: typeof older) => model.graph.nodes.map(({ opType }) => opType);
    expect(opTypes(standard).filter((opType) => opType === 'RMSNormalization')).toHaveLength(5);
    expect(opTypes(older).filter((opType) => opType === 'SimplifiedLayerNormalization')).toHaveLength(5);
    expect(opTypes(standard).some((opType) => /Layer|Gemm/.test(opType))).toBe(false);
    const scales = standard.graph.nodes.flatMap(({ opType, inputs }) =>
      opType === 'RMSNormalization' ? inputs[1] : [],
    );
    expect(new Set(scales).size).toBe(1);
    expect([standard, older].map(({ irVersion, opsetImports }) => [irVersion, opsetImports[0]?.version])).toEqual([
      [11, 23],
      [9, 20],
    ]);
  });
});

describe('files', () => {
  const bytes = (name: string, rows: number) => ({
    name,
    rule: { name, shape: [rows, 256], from: 1, steps: [] },
    transposed: false,
    within: undefined,
    dtype: 'float32' as const,
    file: 'model.safetensors',
  });

  test('a small model is one; of a large one, small tensors are in the model and the others fill files beside it', () => {
    const tensors = [bytes('a', 64), bytes('b', 1), bytes('c', 64), bytes('d', 200), bytes('e', 64)];
    expect(new Set(inExportFiles(tensors).map(({ file }) => file))).toEqual(new Set(['model.onnx']));
    const files = inExportFiles(tensors, { whole: 1000, inline: 2000, most: 150_000 }).map(({ file }) => file);
    expect(files).toEqual([
      'model.onnx_data',
      'model.onnx',
      'model.onnx_data',
      'model.onnx_data_1',
      'model.onnx_data_2',
    ]);
  });

  test.each(['rmsnorm', 'crmsnorm'] as const)('the same bytes come out in however many passes: %s', async (target) => {
    const [usual, narrow] = await Promise.all([
      exported('gpt_neox_parallel', { target, dtype: 'bfloat16' }),
      exported('gpt_neox_parallel', { target, dtype: 'bfloat16', maxElements: 100 }),
    ]);
    expect(await readFile(join(narrow, modelPath))).toEqual(await readFile(join(usual, modelPath)));
  });

  test('the engine and normlab read weights that lie beside the model', async () => {
    const [name, out] = ['gpt_neox_parallel', await temporary('beside')];
    const model = await openModel(goldenFolder(name));
    try {
      const plan = onnx.plan({ model, target: 'rmsnorm', rewrites: {} });
      const sourceStorage = untiedStorage(model);
      const layout = outputLayout(model, {
        rules: plan.rules,
        storage: exportStorage(plan.spec),
        dtype: 'source',
        sourceStorage,
      });
      const tensors = inExportFiles(layout, { whole: 0, inline: 300, most: 30_000 });
      expect(new Set(tensors.map(({ file }) => file)).size).toBeGreaterThan(3);
      await mkdir(out);
      const decoder = { spec: plan.spec, positionIds: true, context: 64, opset: 23 };
      const source = { checkpoint: model.checkpoint, storage: sourceStorage };
      await writeExport(out, decoder, { tensors, source }, { threads: 0, signal: new AbortController().signal });
    } finally {
      await model.checkpoint.close();
    }
    const { run, stored, float32Error } = await bothOf(out, name);
    expect(difference(run, stored)).toBeLessThan(8 * float32Error);
    const { logits } = await recording(name);
    expect(difference(run, logits)).toBeLessThan(8 * float32Error);
  });
});

describe('what has no place', () => {
  test('float64, asked for or stored', async () => {
    const source = goldenFolder('gpt2');
    const asked = convertModel({
      source,
      out: await temporary('x'),
      target: 'rmsnorm',
      format: 'onnx',
      dtype: 'float64',
    });
    await expect(asked).rejects.toThrow('format onnx computes in float32; choose --dtype float32');
    const wide = await temporary('wide');
    await converted({ source, out: wide, target: 'rmsnorm', dtype: 'float64', format: 'normlab', certify: false });
    const stored = convertModel({
      source: wide,
      out: await temporary('x'),
      target: 'rmsnorm',
      format: 'onnx',
      fold: true,
    });
    await expect(stored).rejects.toThrow(/is float64; choose --dtype float32/);
  });

  test('angles that depend on the length', async () => {
    const folded = convertModel({
      source: goldenFolder('phi3_longrope'),
      out: await temporary('x'),
      target: 'rmsnorm',
      format: 'onnx',
      fold: true,
    });
    await expect(folded).rejects.toThrow('format onnx has one set of angles, and positions.scaling longrope');
  });

  test('an operator set of another format', async () => {
    const other = convertModel({
      source: goldenFolder('gpt2'),
      out: await temporary('x'),
      target: 'rmsnorm',
      opset: 22,
    });
    await expect(other).rejects.toThrow('format hf is none');
  });
});

describe('a folder that was exported', () => {
  test('needs nothing to become the same, is refused for another target, and is no model to others', async () => {
    const source = await exported('gpt2');
    const again = await convertModel({ source, out: await temporary('x'), target: 'rmsnorm' });
    expect(again).toMatchObject({
      status: 'nothing-to-do',
      reason: expect.stringContaining('is a graph whose norms are rmsnorm already, converted by normlab'),
    });
    const other = convertModel({ source, out: await temporary('x'), target: 'crmsnorm' });
    await expect(other).rejects.toThrow('convert the original instead');
    await expect(openModel(source)).rejects.toThrow('a graph that ONNX Runtime runs');
    await expect(inspectFolder(source)).rejects.toThrow('a graph that ONNX Runtime runs');
  });
});
