import type { DType } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { writeAtomically } from '../../core/files.ts';
import { quote } from '../../core/quote.ts';
import { type SizedEntry, sizeEntries, type TensorEntry, writeFully, writeTensor } from '../safetensors/entries.ts';
import { type ByteWriter, createByteWriter } from './bytes.ts';
import {
  defaultAlignment,
  magic,
  maxDimensions,
  maxNameBytes,
  padding,
  tensorTypes,
  valueTypes,
  version,
} from './format.ts';

/** A value of a file's metadata with its type, as llama.cpp asks for each key by type. */
export type GgufValue =
  | { readonly type: 'uint32' | 'int32' | 'float32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'uint32s' | 'int32s' | 'float32s'; readonly value: ArrayLike<number> }
  | { readonly type: 'strings'; readonly value: readonly string[] };

/** By key, `llama.block_count` for instance; written in this order. */
export type GgufMetadata = Readonly<Record<string, GgufValue>>;

/** The types that llama.cpp runs; it knows float64 and integers as tensors of a file, but computes nothing with them. */
const writtenTypes: readonly DType[] = ['float32', 'float16', 'bfloat16'];

const elementTypes = { uint32s: 'uint32', int32s: 'int32', float32s: 'float32' } as const;

/**
 * Writes a GGUF file of version 3, tensors in the given order; `path` changes only once everything is on the disk.
 *
 * Shapes are given as everywhere, the longest stride first; the file has them the other way round. Throws InputError where
 * a name comes twice or is longer than 63 bytes, a tensor has another dtype than float32, float16 and bfloat16 or more
 * than 4 axes, its data aren't exactly as long as its shape says, or the disk is full; then nothing of the new file stays.
 * The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
 */
export async function writeGguf(path: string, metadata: GgufMetadata, entries: readonly TensorEntry[]): Promise<void> {
  const sized = sizeEntries(entries, path);
  const header = encodeHeader(metadata, sized, path);
  await writeAtomically(path, async (file) => {
    await writeFully(file, header);
    for (const { entry, byteLength } of sized) {
      await writeTensor(file, entry, byteLength, path);
      await writeFully(file, new Uint8Array(padding(byteLength, defaultAlignment)));
    }
  });
}

function encodeHeader(metadata: GgufMetadata, entries: readonly SizedEntry[], path: string): Uint8Array {
  const writer = createByteWriter();
  writer.bytes(new TextEncoder().encode(magic));
  writer.uint32(version);
  writer.uint64(entries.length);
  writer.uint64(Object.keys(metadata).length);
  for (const [key, value] of Object.entries(metadata)) {
    writer.string(key);
    writeValue(writer, value);
  }
  let offset = 0;
  for (const { entry, byteLength } of entries) {
    writeTensorInfo(writer, entry, offset, path);
    offset += byteLength + padding(byteLength, defaultAlignment);
  }
  writer.bytes(new Uint8Array(padding(writer.length, defaultAlignment)));
  return writer.finish();
}

function writeValue(writer: ByteWriter, { type, value }: GgufValue): void {
  switch (type) {
    case 'uint32':
    case 'int32':
    case 'float32':
      writer.uint32(valueTypes[type]);
      writer[type](value);
      return;
    case 'bool':
      writer.uint32(valueTypes.bool);
      writer.bytes(Uint8Array.of(value ? 1 : 0));
      return;
    case 'string':
      writer.uint32(valueTypes.string);
      writer.string(value);
      return;
    case 'strings':
      writer.uint32(valueTypes.array);
      writer.uint32(valueTypes.string);
      writer.uint64(value.length);
      for (const text of value) writer.string(text);
      return;
    case 'uint32s':
    case 'int32s':
    case 'float32s': {
      const element = elementTypes[type];
      writer.uint32(valueTypes.array);
      writer.uint32(valueTypes[element]);
      writer.uint64(value.length);
      for (const number of Array.from(value)) writer[element](number);
    }
  }
}

function writeTensorInfo(writer: ByteWriter, { name, dtype, shape }: TensorEntry, offset: number, path: string): void {
  const where = `${path}: tensor ${quote(name)}`;
  const code = writtenTypes.includes(dtype) ? tensorTypes[dtype] : undefined;
  if (code === undefined)
    throw new InputError(`${where}: is ${dtype}, GGUF files are written with float32, float16 or bfloat16`);
  if (shape.length > maxDimensions)
    throw new InputError(`${where}: has ${shape.length} axes, GGUF knows at most ${maxDimensions}`);
  if (new TextEncoder().encode(name).length > maxNameBytes)
    throw new InputError(`${where}: the name is longer than ${maxNameBytes} bytes, the most that llama.cpp reads`);
  writer.string(name);
  writer.uint32(shape.length);
  for (const length of [...shape].reverse()) writer.uint64(length);
  writer.uint32(code);
  writer.uint64(offset);
}
