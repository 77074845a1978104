import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { openSafetensors, type TensorEntry, writeSafetensors } from '../checkpoint/index.ts';

/** The folder of a golden case. */
export function golden(name: string): string {
  return fileURLToPath(new URL(`../../test/fixtures/golden/${name}`, import.meta.url));
}

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export type Tensors = Map<string, TensorEntry & { readonly data: Uint8Array }>;

/** The tensors of a safetensors file, in the order of the file. */
export async function readTensors(path: string): Promise<Tensors> {
  const file = await openSafetensors(path);
  try {
    const tensors: Tensors = new Map();
    for (const { name, dtype, shape } of file.tensors.values()) {
      tensors.set(name, { name, dtype, shape, data: await file.read(name) });
    }
    return tensors;
  } finally {
    await file.close();
  }
}

/** Writes tensors under the keys of the map. */
export async function writeTensors(path: string, tensors: Tensors): Promise<void> {
  await writeSafetensors(
    path,
    [...tensors].map(([name, tensor]) => ({ ...tensor, name })),
  );
}

export interface Changes {
  readonly config?: (config: Record<string, unknown>) => void;
  readonly tensors?: (tensors: Tensors) => void;
  readonly recording?: (tensors: Tensors) => void;
}

/** A copy of a golden case that has one file of weights, with changes. */
export async function changedCopy(name: string, changes: Changes): Promise<string> {
  const [source, folder] = [golden(name), await temporaryFolder()];
  for (const file of await readdir(source)) await writeFile(join(folder, file), await readFile(join(source, file)));
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  changes.config?.(config);
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  for (const [file, change] of [
    ['model.safetensors', changes.tensors],
    ['golden.safetensors', changes.recording],
  ] as const) {
    if (change === undefined) continue;
    const tensors = await readTensors(join(folder, file));
    change(tensors);
    await writeTensors(join(folder, file), tensors);
  }
  return folder;
}

/** Multiplies one entry of a float32 or float64 tensor. */
export function scaleEntry(tensors: Tensors, name: string, index: number, factor: number): void {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`no tensor ${name}`);
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset);
  if (tensor.dtype === 'float32') view.setFloat32(4 * index, view.getFloat32(4 * index, true) * factor, true);
  else view.setFloat64(8 * index, view.getFloat64(8 * index, true) * factor, true);
}
