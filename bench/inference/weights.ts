import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { encode, type TensorEntry, writeSafetensors } from '../../src/checkpoint/index.ts';
import { writeGgufModel } from '../../src/convert/index.ts';
import { createFolderAtomically, writeJsonAtomically } from '../../src/core/files.ts';
import { createRandom } from '../../src/core/random.ts';
import { decoderParameters, familyOf, openModel } from '../../src/models/index.ts';
import type { Config } from './shapes.ts';

/** Where one model's weights lie: the folder for normlab and transformers, the file for llama.cpp. */
export interface Weights {
  readonly folder: string;
  readonly gguf: string;
}

/** A prime, so that rows of a matrix are never the same. */
const poolSize = 4_194_301;
const standardDeviation = 0.02;

/** Random float32 weights of a shape in `cache/name`, made once: a Hugging Face folder, and the same as GGUF. */
export async function prepareWeights(cache: string, name: string, config: Config): Promise<Weights> {
  const folder = join(cache, name);
  const gguf = join(cache, `${name}.gguf`);
  if (!existsSync(folder)) {
    await createFolderAtomically(folder, {}, async (temporary) => {
      await writeSafetensors(join(temporary, 'model.safetensors'), entriesOf(config), { metadata: { format: 'pt' } });
      await writeJsonAtomically(join(temporary, 'config.json'), config);
    });
  }
  if (!existsSync(gguf)) {
    const model = await openModel(folder);
    await writeGgufModel(model, gguf).finally(() => model.checkpoint.close());
  }
  return { folder, gguf };
}

function entriesOf(config: Config): readonly TensorEntry[] {
  const family = familyOf(config, 'config.json');
  const spec = family.parse(config, 'config.json');
  const storage = family.storage(spec);
  const random = createRandom('bench inference');
  const pool = new Float32Array(poolSize);
  random.fillNormal(pool, standardDeviation);
  return decoderParameters(spec).map(({ name, shape }) => {
    const stored = storage.get(name);
    if (stored === undefined) throw new Error(`bench: ${name} is not stored`);
    const isNormWeight = shape.length === 1 && name.endsWith('.weight');
    const start = random.split(name).integer(poolSize);
    return {
      name: stored.tensor,
      dtype: 'float32',
      shape: stored.transposed ? [...shape].reverse() : shape,
      data: () => pieces(pool, start, product(shape), isNormWeight ? 1 : 0),
    };
  });
}

/** So many numbers of the pool from `start` on, over and over, each with `shift` added. */
async function* pieces(pool: Float32Array, start: number, count: number, shift: number): AsyncGenerator<Uint8Array> {
  let at = start;
  for (let left = count; left > 0; ) {
    const piece = pool.subarray(at, Math.min(pool.length, at + left));
    yield encode(shift === 0 ? piece : piece.map((value) => value + shift), 'float32');
    left -= piece.length;
    at = (at + piece.length) % pool.length;
  }
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
