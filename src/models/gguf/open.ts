import { decodeFloat64, type GgufFile, openGguf, type TensorInfo, type TensorReader } from '../../checkpoint/index.ts';
import { isFloat } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { formatShape, sameShape, sizeOf } from '../../core/shape.ts';
import { listed, neededTensors } from '../check.ts';
import type { DecoderSpec } from '../spec.ts';
import type { Storage } from '../weights.ts';
import { ggufArchitectureOf } from './architecture.ts';
import { readGgufSpec } from './spec.ts';
import { ggufStorage } from './storage.ts';

/** A decoder in a GGUF file, as its architecture computes it. Close its reader after use. */
export interface GgufModel {
  readonly spec: DecoderSpec;
  /** Where `reader` has each canonical parameter. */
  readonly storage: Storage;
  /** The file's tensors; a stack of matrices is one with the rows of all of them. */
  readonly reader: Pick<TensorReader, 'tensors' | 'read' | 'readFloat64' | 'close'>;
}

/**
 * Opens a GGUF file of one of the architectures that normlab writes, unquantized. Reads no weights.
 *
 * Throws InputError, one line, for a malformed file, an architecture that normlab doesn't read, keys that are missing or
 * contradict each other, and tensors that are missing, surplus or of another shape.
 */
export async function openGgufModel(path: string): Promise<GgufModel> {
  const file = await openGguf(path);
  try {
    const architecture = ggufArchitectureOf(file.metadata.get('general.architecture'), path);
    const spec = readGgufSpec(file, architecture);
    const storage = ggufStorage(architecture, spec);
    checkTensors(file, spec, storage);
    return { spec, storage, reader: flattenedReader(file) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function checkTensors({ path, tensors }: GgufFile, spec: DecoderSpec, storage: Storage): void {
  const needed = neededTensors(spec, storage);
  const known = new Set(needed.map(({ name }) => name));
  const missing = needed.flatMap(({ name }) => (tensors.has(name) ? [] : name));
  if (missing.length > 0) {
    throw new InputError(
      `${path}: missing ${listed(missing)} of the ${needed.length} tensors of a ${spec.family} model`,
    );
  }
  const surplus = [...tensors.keys()].filter((name) => !known.has(name));
  if (surplus.length > 0) throw new InputError(`${path}: holds ${listed(surplus)}, for which normlab has no place`);
  for (const { name, shape } of needed) {
    const info = tensors.get(name);
    if (info === undefined) continue;
    const where = `${path}: tensor ${quote(name)}`;
    if (!sameShape(info.shape, shape)) {
      throw new InputError(
        `${where}: has shape ${formatShape(info.shape)}, by the file's keys it is ${formatShape(shape)}`,
      );
    }
    if (!isFloat(info.dtype)) throw new InputError(`${where}: is ${info.dtype}, expected floating-point numbers`);
  }
}

function flattenedReader(file: GgufFile): GgufModel['reader'] {
  const tensors = new Map([...file.tensors].map(([name, info]) => [name, flattened(info)]));
  return {
    tensors,
    read: file.read,
    async readFloat64(name, rows = {}) {
      const info = tensors.get(name);
      const rowCount = info?.shape[0] ?? 1;
      const rowBytes = (info?.byteLength ?? 0) / rowCount;
      const { start = 0, end = rowCount } = rows;
      const bytes = await file.read(name, { start: start * rowBytes, end: end * rowBytes });
      return decodeFloat64(bytes, info?.dtype ?? 'float32');
    },
    close: file.close,
  };
}

function flattened(info: TensorInfo): TensorInfo {
  if (info.shape.length <= 2) return info;
  const columns = info.shape.at(-1) ?? 1;
  return { ...info, shape: [columns === 0 ? 0 : sizeOf(info.shape) / columns, columns] };
}
