import type { StaticShape } from '../../core/shape.ts';

/** From `start` up to, not including, `end`; in rows of a tensor's first axis or in bytes. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Bytes that one block of rows takes at most, by default: 256 MiB. */
export const defaultBlockBytes = 256 * 2 ** 20;

interface Stored {
  readonly shape: StaticShape;
  readonly byteLength: number;
}

/** How many rows a tensor has: the length of its first axis; a scalar is one row. */
export function rowCount({ shape }: Pick<Stored, 'shape'>): number {
  return shape[0] ?? 1;
}

/**
 * Cuts a tensor into blocks of whole rows, in order, of at most `maxBytes` stored bytes each (one row where that is larger).
 *
 * A tensor without rows has no blocks.
 */
export function* rowBlocks(tensor: Stored, maxBytes = defaultBlockBytes): Generator<Range> {
  const rows = rowCount(tensor);
  const rowsPerBlock = tensor.byteLength === 0 ? rows : Math.max(1, Math.floor(maxBytes / (tensor.byteLength / rows)));
  for (let start = 0; start < rows; start += rowsPerBlock) {
    yield { start, end: Math.min(rows, start + rowsPerBlock) };
  }
}

/** The bytes of a range of rows, from the tensor's first byte. Throws RangeError outside of the tensor. */
export function bytesOfRows(tensor: Stored, rows: Partial<Range> = {}): Range {
  const count = rowCount(tensor);
  const { start, end } = checkRange(rows, count, 'rows');
  const rowBytes = count === 0 ? 0 : tensor.byteLength / count;
  return { start: start * rowBytes, end: end * rowBytes };
}

/** `range` with both ends. Throws RangeError where it isn't inside 0 to `length`. */
export function checkRange({ start = 0, end }: Partial<Range>, length: number, unit: 'rows' | 'bytes'): Range {
  const last = end ?? length;
  if (Number.isInteger(start) && Number.isInteger(last) && 0 <= start && start <= last && last <= length) {
    return { start, end: last };
  }
  throw new RangeError(`${unit} ${start} to ${last} are not inside a tensor of ${length} ${unit}`);
}
