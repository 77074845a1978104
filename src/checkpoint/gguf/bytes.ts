/** Little-endian bytes that grow as they are written. */
export interface ByteWriter {
  readonly length: number;
  uint32(value: number): void;
  int32(value: number): void;
  float32(value: number): void;
  /** A whole number from 0 up to 2⁵³. */
  uint64(value: number): void;
  /** The length of its UTF-8 in bytes as 64 bits, then these. */
  string(text: string): void;
  bytes(some: Uint8Array): void;
  finish(): Uint8Array;
}

export function createByteWriter(): ByteWriter {
  let buffer = Buffer.alloc(1024);
  let length = 0;

  /** Makes room for so many more bytes and returns where they begin. */
  function reserve(count: number): number {
    if (length + count > buffer.length) {
      const larger = Buffer.alloc(Math.max(2 * buffer.length, length + count));
      buffer.copy(larger, 0, 0, length);
      buffer = larger;
    }
    length += count;
    return length - count;
  }

  const bytes = (some: Uint8Array): void => {
    const at = reserve(some.length);
    buffer.set(some, at);
  };
  const uint64 = (value: number): void => {
    const at = reserve(8);
    buffer.writeBigUInt64LE(BigInt(value), at);
  };
  return {
    get length() {
      return length;
    },
    uint32(value) {
      const at = reserve(4);
      buffer.writeUInt32LE(value, at);
    },
    int32(value) {
      const at = reserve(4);
      buffer.writeInt32LE(value, at);
    },
    float32(value) {
      const at = reserve(4);
      buffer.writeFloatLE(value, at);
    },
    uint64,
    string(text) {
      const encoded = new TextEncoder().encode(text);
      uint64(encoded.length);
      bytes(encoded);
    },
    bytes,
    finish: () => buffer.subarray(0, length),
  };
}
