import type { Range } from '../../checkpoint/index.ts';
import type { FloatDType } from '../../core/dtype.ts';

/** Small enough that reads and writes both stay in a processor's cache. */
const tile = 32;

/** Puts some rows of a matrix, as they will be stored, into the bytes of some rows `block` of its transpose. */
export function putTransposed(
  bytes: Uint8Array,
  { dtype, columns, pass }: { readonly dtype: FloatDType; readonly columns: number; readonly pass: Range },
  result: Uint8Array,
  { rows, block }: { readonly rows: number; readonly block: Range },
): void {
  const from = wordsOf(bytes, dtype);
  const to = wordsOf(result, dtype);
  for (let top = pass.start; top < pass.end; top += tile) {
    const bottom = Math.min(pass.end, top + tile);
    for (let left = block.start; left < block.end; left += tile) {
      const right = Math.min(block.end, left + tile);
      for (let row = top; row < bottom; row++) {
        const start = (row - pass.start) * columns;
        for (let i = left; i < right; i++) to[(i - block.start) * rows + row] = from[start + i] as number;
      }
    }
  }
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array, dtype: FloatDType) {
  switch (dtype) {
    case 'float64':
      return new Float64Array(buffer, byteOffset, byteLength / 8);
    case 'float32':
      return new Uint32Array(buffer, byteOffset, byteLength / 4);
    case 'float16':
    case 'bfloat16':
      return new Uint16Array(buffer, byteOffset, byteLength / 2);
  }
}
