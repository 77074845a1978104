import type { DType } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import type { TensorInfo } from '../safetensors/format.ts';
import { byteLengthOf } from '../safetensors/header.ts';
import type { Range } from '../safetensors/rows.ts';
import { type ByteReader, createByteReader } from './cursor.ts';
import { defaultAlignment, magic, maxDimensions, padding, tensorTypes, valueTypes, version } from './format.ts';

export type GgufScalar = number | boolean | string;

/** What a file says of itself, by key. 64-bit integers beyond ±2⁵³ are rounded to nearest. */
export type GgufHeaderMetadata = ReadonlyMap<string, GgufScalar | readonly GgufScalar[]>;

export interface GgufHeader {
  readonly metadata: GgufHeaderMetadata;
  /** Where the bytes of each key's text lie, for those whose value is one. */
  readonly texts: ReadonlyMap<string, Range>;
  /** In the order of the file; shapes as everywhere, the longest stride first. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** What an entry takes at least: a key's or name's length, its type, and a value; a tensor's also its offset. */
const minKeyBytes = 8 + 4 + 1;
const minTensorBytes = 8 + 4 + 4 + 8;

/** As in the reference implementation. */
const maxKeyBytes = 65_535;

/** In all arrays of a file together: a few times the tokens and merges of the largest vocabularies. */
const maxElements = 2 ** 23;

const dtypeOfCode: ReadonlyMap<number, DType> = new Map(
  Object.entries(tensorTypes).map(([dtype, code]) => [code, dtype as DType]),
);

/** What a file that holds a tensor of a quantized type could be made into, for a message. */
const unquantized = [...dtypeOfCode.values()].filter((dtype) => dtype.includes('float')).join(', ');

/**
 * Reads the header that a file of `fileBytes` begins with; `bytes` are its first ones.
 *
 * Throws InputError, one line, for what is no GGUF file of version 2 or 3, for values and tensors that would lie beyond its
 * end, and for tensors of quantized types; NeedsMoreBytes where the header goes on beyond `bytes`.
 */
export function parseGgufHeader(bytes: Uint8Array, fileBytes: number, path: string): GgufHeader {
  const reader = createByteReader(bytes, fileBytes, path);
  if (fileBytes < magic.length || reader.text(magic.length, 'its first bytes') !== magic) {
    throw new InputError(`${path}: does not begin with ${magic}, so it is no GGUF file`);
  }
  const found = reader.uint32('its version');
  if (found !== version && found !== 2) {
    throw new InputError(
      `${path}: is GGUF of version ${found}, expected ${version} or 2; write it again with a current llama.cpp`,
    );
  }
  const tensorCount = reader.count('its number of tensors', minTensorBytes);
  const keyCount = reader.count('its number of keys', minKeyBytes);
  const { metadata, texts } = readMetadata(reader, keyCount, path);
  const alignment = metadata.get('general.alignment') ?? defaultAlignment;
  if (
    typeof alignment !== 'number' ||
    !(alignment > 0 && alignment <= 2 ** 20 && Number.isInteger(Math.log2(alignment)))
  ) {
    throw new InputError(`${path}: general.alignment: expected a power of two, got ${quote(String(alignment))}`);
  }
  const infos: ReturnType<typeof readTensorInfo>[] = [];
  // One by one: the number of them may be a lie.
  while (infos.length < tensorCount) infos.push(readTensorInfo(reader, path));
  const start = reader.position + padding(reader.position, alignment);
  const tensors = new Map<string, TensorInfo>();
  for (const { name, dtype, shape, offset } of infos) {
    const where = `${path}: tensor ${quote(name)}`;
    if (tensors.has(name)) throw new InputError(`${where}: the name comes twice`);
    if (offset % alignment !== 0) {
      throw new InputError(`${where}: begins at byte ${offset} of the data, expected a multiple of ${alignment}`);
    }
    const byteLength = byteLengthOf(dtype, shape);
    if (byteLength === undefined || start + offset + byteLength > fileBytes) {
      throw new InputError(
        `${where}: ends beyond the file, which has ${fileBytes} bytes; it was cut off, get it again`,
      );
    }
    tensors.set(name, { name, dtype, shape, byteOffset: start + offset, byteLength });
  }
  return { metadata, texts, tensors };
}

function readMetadata(reader: ByteReader, count: number, path: string) {
  const metadata = new Map<string, GgufScalar | readonly GgufScalar[]>();
  const texts = new Map<string, Range>();
  let elements = 0;
  for (let i = 0; i < count; i++) {
    const key = reader.string('a key', maxKeyBytes);
    if (metadata.has(key)) throw new InputError(`${path}: the key ${quote(key)} comes twice`);
    const type = reader.uint32(key);
    if (type === valueTypes.array) {
      const array = readArray(reader, key, maxElements - elements, path);
      elements += array.length;
      metadata.set(key, array);
      continue;
    }
    const value = valueReader(reader, type, key, path).read();
    metadata.set(key, value);
    if (typeof value === 'string') {
      texts.set(key, { start: reader.position - Buffer.byteLength(value), end: reader.position });
    }
  }
  return { metadata, texts };
}

function readArray(reader: ByteReader, key: string, maxLength: number, path: string): readonly GgufScalar[] {
  const { bytes, read } = valueReader(reader, reader.uint32(key), key, path);
  const length = reader.count(key, bytes);
  if (length > maxLength) {
    throw new InputError(
      `${path}: the key ${quote(key)} has ${length} entries, more than ${maxElements} in all are no model's`,
    );
  }
  const values: GgufScalar[] = [];
  while (values.length < length) values.push(read());
  return values;
}

/** How a value of a type is read, and the least bytes that it takes. */
function valueReader(
  reader: ByteReader,
  type: number,
  key: string,
  path: string,
): { readonly bytes: number; readonly read: () => GgufScalar } {
  switch (type) {
    case valueTypes.bool:
      return { bytes: 1, read: () => reader.number('uint8', key) !== 0 };
    case valueTypes.string:
      return { bytes: 8, read: () => reader.string(key) };
    default: {
      const kind = numberKinds.get(type);
      if (kind === undefined) {
        throw new InputError(
          `${path}: the key ${quote(key)} has a value of type ${type}, which is none of GGUF's here`,
        );
      }
      return { bytes: kind.bytes, read: () => reader.number(kind.name, key) };
    }
  }
}

const numberKinds = new Map(
  (
    [
      ['uint8', 1],
      ['int8', 1],
      ['uint16', 2],
      ['int16', 2],
      ['uint32', 4],
      ['int32', 4],
      ['float32', 4],
      ['uint64', 8],
      ['int64', 8],
      ['float64', 8],
    ] as const
  ).map(([name, bytes]) => [valueTypes[name] as number, { name, bytes }]),
);

function readTensorInfo(reader: ByteReader, path: string) {
  const name = reader.string('the name of a tensor', maxKeyBytes);
  const where = `${path}: tensor ${quote(name)}`;
  const dimensions = reader.uint32(name);
  if (dimensions > maxDimensions) {
    throw new InputError(`${where}: has ${dimensions} axes, GGUF knows at most ${maxDimensions}`);
  }
  const shape = Array.from({ length: dimensions }, () => reader.length(name)).reverse();
  const code = reader.uint32(name);
  const dtype = dtypeOfCode.get(code);
  if (dtype === undefined) {
    throw new InputError(`${where}: is of ggml's type ${code}, a quantized one, normlab reads ${unquantized}`);
  }
  return { name, dtype, shape, offset: reader.length(name) };
}
