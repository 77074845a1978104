import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { byteSizes, isFloat } from '../../core/dtype.ts';
import { decodeFloat64 } from '../../core/encoding.ts';
import { explainFileError } from '../../core/fileErrors.ts';
import { sizeOf } from '../../core/shape.ts';
import type { ExternalData, OnnxInitializer } from '../../graph/index.ts';
import type { HashOptions, SourceHash } from '../write/source.ts';
import type { OnnxSource } from './certificate/index.ts';

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
export async function hashOnnx(
  { path, bytes, external }: OnnxSource,
  { signal, onBytes }: HashOptions = {},
): Promise<SourceHash> {
  const files = [{ name: basename(path), sha256: createHash('sha256').update(bytes).digest('hex') }];
  onBytes?.(bytes.length);
  for (const file of external.files) {
    const hash = createHash('sha256');
    try {
      for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 22, signal })) {
        hash.update(chunk);
        onBytes?.(chunk.length);
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw explainFileError(error, file);
    }
    files.push({ name: basename(file), sha256: hash.digest('hex') });
  }
  const list = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
  return { sha256: createHash('sha256').update(list).digest('hex'), files };
}
