/**
 * Where in a large buffer the bytes of files should begin. Processors of AMD copy between the system's pages and a buffer
 * several times as slowly where that lies at the start of a page or 16 bytes behind, which is where allocators put large ones.
 */
const offset = 64;

/** Memory for so many bytes that are read from files or written to them. */
export function ioBuffer(byteLength: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(offset + byteLength), offset);
}

/** The same for several threads, which look at it through `ioBytes`. */
export function sharedIoBuffer(byteLength: number): SharedArrayBuffer {
  return new SharedArrayBuffer(offset + byteLength);
}

/** The bytes of a `sharedIoBuffer`. */
export function ioBytes(buffer: SharedArrayBuffer): Uint8Array {
  return new Uint8Array(buffer, offset);
}
