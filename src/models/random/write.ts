import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { indexFileName, planShards, type TensorEntry, writeSafetensors } from '../../checkpoint/index.ts';
import { byteSizes, type FloatDType } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { createFolderAtomically, writeJsonAtomically } from '../../core/files.ts';
import { checkFreeSpace } from '../../core/freeSpace.ts';
import { createRandom } from '../../core/random.ts';
import { sizeOf } from '../../core/shape.ts';
import { familyOf } from '../families/index.ts';
import { decoderParameters, type ParameterDeclaration } from '../layout.ts';
import { storedShape } from '../weights.ts';
import { initialBytes, type ValueOptions } from './values.ts';

export interface RandomModelOptions {
  /** A `config.json` of one of the families. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What messages about the config begin with; default `config.json`. */
  readonly where?: string | undefined;
  /** The folder to create. */
  readonly out: string;
  /** Default float32. */
  readonly dtype?: FloatDType | undefined;
  /** Default 0. */
  readonly seed?: number | string | undefined;
  /** The standard deviation of linears and embeddings. Default 0.02. */
  readonly scale?: number | undefined;
  /** What a file of weights may take before another one is begun, in bytes. Default 5·10⁹. */
  readonly shardBytes?: number | undefined;
  /** Replace an existing model in `out`. */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with what part of the bytes has been written. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

export interface RandomModel {
  readonly path: string;
  readonly family: string;
  readonly dtype: FloatDType;
  readonly parameters: number;
  readonly bytes: number;
  /** The names of the files of weights. */
  readonly files: readonly string[];
}

/** The size at which Hugging Face's libraries begin another file. */
const defaultShardBytes = 5e9;

/**
 * Writes a randomly initialised model in its family's own config and tensor names: linears and embeddings normal, biases
 * 0, norms such that they do nothing but normalize.
 *
 * The same config, seed, scale and dtype give the same bytes of every tensor, and another dtype gives the same numbers,
 * rounded. Memory is bounded by a block of a tensor. The folder comes into being as a whole or not at all. Throws
 * InputError or RefusalError for a config that normlab can't run, and where the folder can't be made.
 */
export async function writeRandomModel(options: RandomModelOptions): Promise<RandomModel> {
  const { config, where = 'config.json', out, dtype = 'float32', force = false } = options;
  const { seed = 0, scale = 0.02, shardBytes = defaultShardBytes } = options;
  if (!(Number.isFinite(scale) && scale >= 0))
    throw new InputError(`random: scale is ${scale}, expected a number from 0`);
  const family = familyOf(config, where);
  const spec = family.parse(config, where);
  const storage = family.storage(spec);
  const stored = new Map<string, PlannedTensor>();
  for (const declaration of decoderParameters(spec)) {
    const place = storage.get(declaration.name);
    if (place === undefined) throw new Error(`models/random: ${family.id} has no place for ${declaration.name}`);
    const { parts = [] } = stored.get(place.tensor) ?? {};
    if (parts.length > 0 && place.within === undefined) continue;
    const shape = storedShape(place, declaration.shape);
    stored.set(place.tensor, {
      name: place.tensor,
      shape,
      byteLength: sizeOf(shape) * byteSizes[dtype],
      parts: [...parts, { declaration, row: place.within?.row ?? 0 }].sort((a, b) => a.row - b.row),
    });
  }
  const tensors = [...stored.values()];
  const shards = planShards(tensors, shardBytes);
  const bytes = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const values = { dtype, scale, random: createRandom(seed), signal: options.signal ?? new AbortController().signal };
  let written = 0;
  const onBytes = (count: number) => {
    written += count;
    options.onProgress?.(written / bytes);
  };
  await createFolderAtomically(out, { force }, async (folder) => {
    await checkFreeSpace(folder, bytes, out);
    for (const shard of shards) {
      const entries = shard.tensors.map((tensor) => entryOf(tensor, values, onBytes));
      await writeSafetensors(join(folder, shard.fileName), entries, { metadata: { format: 'pt' } });
    }
    if (shards.length > 1) {
      await writeJsonAtomically(join(folder, indexFileName), {
        metadata: { total_size: bytes },
        weight_map: Object.fromEntries(
          shards.flatMap(({ fileName, tensors }) => tensors.map(({ name }) => [name, fileName])),
        ),
      });
    }
    await writeJsonAtomically(join(folder, 'config.json'), { ...config, [dtypeKey(config)]: dtype });
  });
  const parameters = bytes / byteSizes[dtype];
  return {
    path: await realpath(out),
    family: family.id,
    dtype,
    parameters,
    bytes,
    files: shards.map((s) => s.fileName),
  };
}

interface PlannedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** What lies in it, one after the other. */
  readonly parts: readonly { readonly declaration: ParameterDeclaration; readonly row: number }[];
}

function entryOf(
  { name, shape, parts }: PlannedTensor,
  options: ValueOptions,
  onBytes: (count: number) => void,
): TensorEntry {
  return {
    name,
    dtype: options.dtype,
    shape,
    async *data() {
      for (const { declaration } of parts) {
        for await (const block of initialBytes(declaration, options)) {
          yield block;
          onBytes(block.byteLength);
        }
      }
    },
  };
}

/** transformers 4 says `torch_dtype`, 5 says `dtype`. */
function dtypeKey(config: Readonly<Record<string, unknown>>): string {
  return Object.hasOwn(config, 'dtype') ? 'dtype' : 'torch_dtype';
}
