import type { FloatDType } from '../../core/dtype.ts';
import { kernelBase64 } from './module.ts';

/**
 * The arithmetic of conversions on blocks of rows in WebAssembly, several times as fast as the plain one in `rules/` and
 * `core/`, which defines what it computes: both agree bit for bit.
 *
 * Addresses are those of its memory. Nobody else may use a kernel while somebody waits for bytes that are read into it.
 */
export interface Kernel extends KernelFunctions {
  /** Gives back everything that was allocated. */
  reset(): void;
  /** The address of so many bytes. Arrays that looked at the memory before may be gone. */
  allocate(bytes: number): number;
  bytes(at: number, length: number): Uint8Array<ArrayBuffer>;
  values(at: number, length: number): Float64Array<ArrayBuffer>;
}

/** What kernel.as.ts exports. */
interface KernelFunctions {
  decode(dtype: number, from: number, to: number, count: number): void;
  encode(dtype: number, from: number, to: number, count: number): number;
  encodeKeepingSums(
    dtype: number,
    from: number,
    to: number,
    rows: number,
    columns: number,
    carried: number,
    ofRows: number,
  ): number;
  allFinite(dtype: number, from: number, count: number): number;
  addConstant(at: number, count: number, value: number): void;
  centreRows(at: number, rows: number, columns: number): void;
  subtractLastColumn(at: number, rows: number, columns: number): void;
  dropLastColumn(at: number, rows: number, columns: number): void;
  sumColumns(at: number, rows: number, columns: number, sums: number): void;
  subtractRow(at: number, rows: number, columns: number, row: number): void;
  multiplyRow(at: number, rows: number, columns: number, row: number): void;
  multiplyVector(at: number, rows: number, columns: number, vector: number, to: number): void;
}

/** The numbers that kernel.as.ts gives the element types. */
export const kernelDTypes: Readonly<Record<FloatDType, number>> = { float64: 0, float32: 1, bfloat16: 2, float16: 3 };

const pageBytes = 2 ** 16;
/** What is allocated begins at cache lines. */
const alignment = 64;

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

// The types of Node 20 lack WebAssembly, and the compiler has them only together with a browser's document.
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object) => { readonly exports: object };
  };
};

let compiled: object | undefined;

export function createKernel(): Kernel {
  compiled ??= new WebAssembly.Module(Buffer.from(kernelBase64, 'base64'));
  const exports = new WebAssembly.Instance(compiled).exports as KernelFunctions & { readonly memory: Memory };
  const { memory } = exports;
  let end = 0;
  return {
    ...exports,
    reset() {
      end = alignment;
    },
    allocate(bytes) {
      const at = end;
      end += Math.ceil(bytes / alignment) * alignment;
      const missing = end - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
      return at;
    },
    bytes: (at, length) => new Uint8Array(memory.buffer, at, length),
    values: (at, length) => new Float64Array(memory.buffer, at, length),
  };
}
