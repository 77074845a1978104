/**
 * `length` ordinary numbers, uniform in ±`scale` around `centre` and the same at every call with the same `stream`: kernels
 * may take another time for zeros or denormals, but not for one ordinary number or another.
 */
export function ordinaryNumbers(length: number, scale = unitScale, centre = 0, stream = 0): Float32Array {
  const values = new Float32Array(length);
  let state = Math.imul(stream + 1, 0x9e3779b9) >>> 0;
  for (let i = 0; i < length; i++) {
    // The multiplier and increment of Numerical Recipes' quick generator.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = centre + scale * (state / 2 ** 31 - 1);
  }
  return values;
}

/** Uniform numbers in ± this have a mean square of 1. */
const unitScale = Math.sqrt(3);

/** An array's bytes, without a copy. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
