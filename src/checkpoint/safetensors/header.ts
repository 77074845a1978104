import { byteSizes, type DType, dtypes } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { findDuplicateKey, isDeeperThan } from '../../core/jsonScan.ts';
import { quote } from '../../core/quote.ts';
import { formatShape, type StaticShape } from '../../core/shape.ts';
import { formatDTypes, maxHeaderBytes, metadataKey, type TensorInfo } from './format.ts';

export interface Header {
  /** In the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** The bytes of the number that a file begins with. */
export const prefixBytes = 8;

/**
 * The header's length from a file's first bytes (up to 8), checked against the file's size before anybody allocates it.
 *
 * Throws InputError, which begins with `path`, where the file can't hold such a header.
 */
export function parseHeaderLength(prefix: Uint8Array, fileBytes: number, path: string): number {
  const start = new TextDecoder('latin1').decode(prefix);
  if (start === 'version ') {
    throw new InputError(`${path}: is a Git LFS pointer, not the weights; fetch them with: git lfs pull`);
  }
  if (fileBytes < prefixBytes || prefix.byteLength < prefixBytes) {
    throw new InputError(`${path}: ${fileBytes} bytes are too few for a safetensors file; is the download complete?`);
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, prefixBytes).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    throw new InputError(
      `${path}: not a safetensors file: it claims a header of ${length} bytes, at most ${maxHeaderBytes} are allowed`,
    );
  }
  const missing = prefixBytes + Number(length) - fileBytes;
  if (missing > 0) {
    throw new InputError(
      `${path}: truncated: ${missing} bytes of its header of ${length} bytes are missing; download it again`,
    );
  }
  return Number(length);
}

/**
 * Parses and checks a header; what it returns lies inside the file, without overlaps and without holes.
 *
 * `fileBytes` is the size of the whole file. Throws InputError, which begins with `path`, at the first thing wrong.
 */
export function parseHeader(bytes: Uint8Array, fileBytes: number, path: string): Header {
  const entries = parseEntries(bytes, path);
  const dataOffset = prefixBytes + bytes.byteLength;
  const tensors: TensorInfo[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of entries) {
    if (name === metadataKey) metadata = parseMetadata(value, path);
    else tensors.push(parseTensor(name, value, dataOffset, path));
  }
  tensors.sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  checkContiguous(tensors, dataOffset, fileBytes, path);
  return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), metadata };
}

function parseEntries(bytes: Uint8Array, path: string): [string, unknown][] {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new InputError(`${path}: not a safetensors file: its header is not valid UTF-8`);
  }
  // Before the parser, which takes gigabytes for a few million brackets. Header, entry, shape: that is all there is.
  if (isDeeperThan(text, 3)) throw new InputError(`${path}: not a safetensors file: its header is nested too deeply`);
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError(`${path}: not a safetensors file: its header is not valid JSON`);
  }
  if (!text.startsWith('{') || !isRecord(value)) {
    throw new InputError(`${path}: not a safetensors file: its header is not a JSON object`);
  }
  const twice = findDuplicateKey(text);
  if (twice !== undefined) throw new InputError(`${path}: its header has the name ${quote(twice)} twice`);
  return Object.entries(value);
}

function parseMetadata(value: unknown, path: string): ReadonlyMap<string, string> {
  if (!isRecord(value)) throw new InputError(`${path}: ${metadataKey} in its header is not an object of strings`);
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw new InputError(`${path}: ${metadataKey}.${quote(key)} is not a string`);
    metadata.set(key, text);
  }
  return metadata;
}

function parseTensor(name: string, value: unknown, dataOffset: number, path: string): TensorInfo {
  // Only for errors: quoting half a million names takes a second.
  const where = () => `${path}: tensor ${quote(name)}`;
  if (!isRecord(value)) throw new InputError(`${where()}: its header entry is not an object`);
  const { dtype: formatName, shape, data_offsets: offsets } = value;
  const dtype = parseDType(formatName, where);
  if (!isArrayOfCounts(shape)) throw new InputError(`${where()}: its shape is not a list of whole numbers from 0`);
  if (!isArrayOfCounts(offsets) || offsets.length !== 2) {
    throw new InputError(`${where()}: its data_offsets are not two whole numbers from 0 to 2^53`);
  }
  const [begin = 0, end = 0] = offsets;
  if (begin > end) throw new InputError(`${where()}: its data_offsets end (${end}) before they begin (${begin})`);
  const expected = byteLengthOf(dtype, shape);
  if (expected === undefined) throw new InputError(`${where()}: its shape has more than 2^53 bytes`);
  if (end - begin !== expected) {
    throw new InputError(
      `${where()}: ${formatDTypes[dtype]} ${formatShape(shape.slice(0, 16))} takes ${expected} bytes, its data_offsets hold ${end - begin}`,
    );
  }
  return { name, dtype, shape, byteOffset: dataOffset + begin, byteLength: expected };
}

const dtypeOfFormatName = new Map<unknown, DType>(dtypes.map((dtype) => [formatDTypes[dtype], dtype]));

function parseDType(formatName: unknown, where: () => string): DType {
  const dtype = dtypeOfFormatName.get(formatName);
  if (dtype !== undefined) return dtype;
  if (typeof formatName !== 'string') throw new InputError(`${where()}: its header entry has no dtype`);
  const known = Object.values(formatDTypes).join(', ');
  throw new InputError(`${where()}: dtype ${quote(formatName)} is not supported; supported: ${known}`);
}

/** The bytes of a tensor, or undefined where a number can't hold them exactly. */
export function byteLengthOf(dtype: DType, shape: StaticShape): number | undefined {
  let bytes = byteSizes[dtype];
  for (const dim of shape) {
    bytes *= dim;
    if (!Number.isSafeInteger(bytes)) return undefined;
  }
  return bytes;
}

function checkContiguous(tensors: readonly TensorInfo[], dataOffset: number, fileBytes: number, path: string): void {
  let end = dataOffset;
  for (const { name, byteOffset, byteLength } of tensors) {
    const where = () => `${path}: tensor ${quote(name)}`;
    if (byteOffset < end) throw new InputError(`${where()}: its bytes overlap another tensor's by ${end - byteOffset}`);
    if (byteOffset > end) {
      throw new InputError(
        `${where()}: ${byteOffset - end} bytes before it belong to no tensor, which the format forbids`,
      );
    }
    end = byteOffset + byteLength;
  }
  if (end > fileBytes) {
    throw new InputError(
      `${path}: truncated: ${end - fileBytes} of ${end} bytes are missing; copy or download it again`,
    );
  }
  if (end < fileBytes) throw new InputError(`${path}: the last ${fileBytes - end} bytes belong to no tensor`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isArrayOfCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount);
}

/** A whole number from 0 that is exact; not −0, which prints as 0 and equals it but isn't it. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && typeof value === 'number' && value >= 0 && !Object.is(value, -0);
}
