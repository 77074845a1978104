import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { openSafetensors } from '../checkpoint/index.ts';
import { observe, readDecoder } from './certificate/observe.fixture.ts';
import { type ConvertedModel, type ConvertOptions, convertModel } from './convert.ts';

/** The folder of a golden case: a checkpoint, and what transformers computed with it in float64. */
export function goldenFolder(name: string): string {
  return fileURLToPath(new URL(`../../test/fixtures/golden/${name}`, import.meta.url));
}

/** max |Δlogit| of a folder, in float64, to the logits that were recorded for a golden case. */
export async function differenceToGolden(folder: string, name: string): Promise<number> {
  const golden = await openSafetensors(join(goldenFolder(name), 'golden.safetensors'));
  try {
    const [batch = 0, sequence = 0] = golden.tensors.get('input_ids')?.shape ?? [];
    const ids = await golden.readFloat64('input_ids');
    const rows = Array.from({ length: batch }, (_, row) => [...ids.subarray(row * sequence, (row + 1) * sequence)]);
    const expected = await golden.readFloat64('logits');
    const { logits } = observe(await readDecoder(folder), rows);
    return expected.reduce((largest, logit, i) => Math.max(largest, Math.abs(logit - (logits[i] ?? Number.NaN))), 0);
  } finally {
    await golden.close();
  }
}

/** Converts a model that there is something to do for. */
export async function converted(options: ConvertOptions): Promise<ConvertedModel> {
  const result = await convertModel(options);
  if (result.status !== 'converted') throw new Error(result.reason);
  return result;
}

/** Gives paths in a folder that is removed after the tests of a file. */
export function temporaryPaths(): (name: string) => Promise<string> {
  let folder: Promise<string> | undefined;
  afterAll(async () => {
    if (folder !== undefined) await rm(await folder, { recursive: true, force: true });
  });
  return async (name) => {
    folder ??= mkdtemp(join(tmpdir(), 'normlab-convert-'));
    return join(await folder, name);
  };
}
