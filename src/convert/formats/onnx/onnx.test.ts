import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openSafetensors } from '../../../checkpoint/index.ts';
import { decodeModel } from '../../../graph/index.ts';
import { openModel } from '../../../models/index.ts';
import { converted, goldenFolder, temporaryPaths } from '../../golden.fixture.ts';
import { conversionVerdict } from '../../verdict.ts';
import { modelPath } from './layout.ts';
import { openExport } from './read.ts';
import { openExportSession, runBatch } from './run.ts';

const temporary = temporaryPaths();

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

describe('the written file in ONNX Runtime gives the recorded logits', () => {
  test('of every convertible case', () => {
    expect(cases.length).toBeGreaterThanOrEqual(25);
  });

  test.each(cases)('%s: at once, step by step, and padded on the left', async (name) => {
    const out = await temporary(name);
    await converted({ source: goldenFolder(name), out, target: 'rmsnorm', format: 'onnx', certify: false });
    const { spec, close } = await openExport(out);
    await close();
    const { rows, logits, float32Error } = await recording(name);
    // Weights were rounded once more, and the engine sums in another order: 8 times PyTorch's own error does for both.
    const isNarrow = name.endsWith('bf16');
    const most = isNarrow ? 0.1 : 8 * float32Error;
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
