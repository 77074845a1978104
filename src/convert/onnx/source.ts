import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { byteSizes, isFloat } from '../../core/dtype.ts';
import { decodeFloat64 } from '../../core/encoding.ts';
import { InputError } from '../../core/errors.ts';
import { explainFileError } from '../../core/fileErrors.ts';
import { sizeOfFile } from '../../core/files.ts';
import { sizeOf } from '../../core/shape.ts';
import {
  decodeModel,
  type ExternalData,
  externalData,
  maxModelBytes,
  type OnnxInitializer,
  type OnnxModel,
} from '../../graph/index.ts';
import type { SourceHash } from '../write/source.ts';

/** An ONNX model as it is on the disk. */
export interface OnnxSource {
  readonly path: string;
  /** The whole model file; other files hold what is external. */
  readonly bytes: Uint8Array;
  readonly model: OnnxModel;
  readonly external: ExternalData;
}

/** Opens a model. Throws InputError, one line, for what is none, or whose data are missing, too short or out of its folder. */
export async function openOnnx(path: string): Promise<OnnxSource> {
  const size = await sizeOfFile(path);
  if (size > maxModelBytes) {
    throw new InputError(`${path}: has ${size} bytes, an ONNX file holds 2 GiB. Is it something else?`);
  }
  const bytes = await readFile(path).catch((error: unknown) => {
    throw explainFileError(error, path);
  });
  const model = decodeModel(bytes, path);
  return { path, bytes, model, external: await externalData(path, model.graph.initializers) };
}

/** Reads tensors, as float64, by ranges of their entries. */
export interface TensorReader {
  readonly read: (tensor: OnnxInitializer, start: number, count: number) => Promise<Float64Array>;
  /** All of a constant, by its name. */
  readonly readConstant: (name: string) => Promise<Float64Array>;
}

export function tensorReader(
  external: ExternalData,
  constant: (name: string) => OnnxInitializer | undefined,
): TensorReader {
  const read = async (tensor: OnnxInitializer, start: number, count: number): Promise<Float64Array> => {
    const { dtype } = tensor;
    const size = byteSizes[dtype];
    if (!isFloat(dtype)) throw new Error(`onnx: ${tensor.name} holds no floats`);
    if ('data' in tensor) return decodeFloat64(tensor.data.subarray(start * size, (start + count) * size), dtype);
    const bytes = new Uint8Array(count * size);
    let at = 0;
    for await (const block of external.read(tensor, start * size, bytes.length)) {
      bytes.set(block, at);
      at += block.length;
    }
    return decodeFloat64(bytes, dtype);
  };
  return {
    read,
    async readConstant(name) {
      const tensor = constant(name);
      if (tensor === undefined) throw new Error(`onnx: ${name} is no constant`);
      return read(tensor, 0, sizeOf(tensor.shape));
    },
  };
}

/** The hash over the model file and the files of its external data, as `sha256sum` would list them. */
export async function hashOnnx({ path, bytes, external }: OnnxSource, signal?: AbortSignal): Promise<SourceHash> {
  const files = [{ name: basename(path), sha256: createHash('sha256').update(bytes).digest('hex') }];
  for (const file of external.files) {
    const hash = createHash('sha256');
    try {
      for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 22, signal })) hash.update(chunk);
    } catch (error) {
      signal?.throwIfAborted();
      throw explainFileError(error, file);
    }
    files.push({ name: basename(file), sha256: hash.digest('hex') });
  }
  const list = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
  return { sha256: createHash('sha256').update(list).digest('hex'), files };
}
