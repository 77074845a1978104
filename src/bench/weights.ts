import { rmSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explainFileError } from '../core/fileErrors.ts';
import { sizeOf } from '../core/shape.ts';
import type { OnnxExternalTensor } from '../graph/index.ts';
import { bytesOf, ordinaryNumbers } from './data.ts';

/** A temporary file of float32 numbers that stand for a model's weights. */
export interface WeightFile {
  readonly folder: string;
  /** Tensors that lie in the file one after the other, from its beginning. */
  tensors(shapes: ReadonlyMap<string, readonly number[]>): ReadonlyMap<string, OnnxExternalTensor>;
}

const fileName = 'weights.bin';
const blockElements = 2 ** 20;

/**
 * Writes `elements` numbers to a temporary file, and removes it after `work`, also when the process exits meanwhile.
 *
 * The engine reads its weights from there by itself, so that JavaScript never holds them: one block of numbers is written
 * over and over. Throws InputError where the file system refuses.
 */
export async function withWeightFile<T>(elements: number, work: (file: WeightFile) => Promise<T>): Promise<T> {
  const parent = tmpdir();
  const folder = await mkdtemp(join(parent, `normlab-bench-${process.pid}-`)).catch((error: unknown) => {
    throw explainFileError(error, parent);
  });
  const removeNow = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeNow);
  try {
    await writeNumbers(join(folder, fileName), elements);
    return await work({ folder, tensors: (shapes) => layOut(shapes, elements) });
  } finally {
    process.off('exit', removeNow);
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeNumbers(path: string, elements: number): Promise<void> {
  try {
    const file = await open(path, 'wx');
    try {
      // Uniform in ±0.035 has GPT-2's standard deviation of 0.02.
      const block = bytesOf(ordinaryNumbers(Math.min(elements, blockElements), 0.035));
      for (let left = 4 * elements; left > 0; left -= block.byteLength) {
        await file.write(block.subarray(0, Math.min(left, block.byteLength)));
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explainFileError(error, path);
  }
}

function layOut(
  shapes: ReadonlyMap<string, readonly number[]>,
  elements: number,
): ReadonlyMap<string, OnnxExternalTensor> {
  let offset = 0;
  const tensors = new Map<string, OnnxExternalTensor>();
  for (const [name, shape] of shapes) {
    const length = 4 * sizeOf(shape);
    tensors.set(name, { name, dtype: 'float32', shape, external: { location: fileName, offset, length } });
    offset += length;
  }
  if (offset > 4 * elements) throw new Error(`bench: the weights take ${offset} bytes, the file has ${4 * elements}`);
  return tensors;
}
