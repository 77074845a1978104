import type { Tensor } from 'onnxruntime-node';
import type { OnnxRuntime } from './onnxruntime.ts';
import type { EngineTensor } from './types.ts';

/** Hands a tensor to ONNX Runtime, without a copy. */
export function toOrt(ort: OnnxRuntime, tensor: EngineTensor): Tensor {
  return new ort.Tensor(tensor.dtype, tensor.data, tensor.shape);
}

/** Takes a tensor from ONNX Runtime, without a copy. */
export function fromOrt(name: string, tensor: Tensor): EngineTensor {
  const { type: dtype, dims: shape } = tensor;
  const data: unknown = tensor.data;
  switch (dtype) {
    case 'float32':
      if (data instanceof Float32Array) return { dtype, shape, data };
      break;
    case 'float64':
      if (data instanceof Float64Array) return { dtype, shape, data };
      break;
    case 'float16':
      // Where Float16Array exists ONNX Runtime returns that; the bits are the same.
      if (ArrayBuffer.isView(data)) {
        return { dtype, shape, data: new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) };
      }
      break;
    case 'int64':
      if (data instanceof BigInt64Array) return { dtype, shape, data };
      break;
    case 'uint64':
      if (data instanceof BigUint64Array) return { dtype, shape, data };
      break;
    case 'int32':
      if (data instanceof Int32Array) return { dtype, shape, data };
      break;
    case 'uint32':
      if (data instanceof Uint32Array) return { dtype, shape, data };
      break;
    case 'int16':
      if (data instanceof Int16Array) return { dtype, shape, data };
      break;
    case 'uint16':
      if (data instanceof Uint16Array) return { dtype, shape, data };
      break;
    case 'int8':
      if (data instanceof Int8Array) return { dtype, shape, data };
      break;
    case 'uint8':
    case 'bool':
      if (data instanceof Uint8Array) return { dtype, shape, data };
      break;
  }
  throw new Error(`engine: output ${name} is a ${dtype} tensor, which can't leave the engine. Cast it in the graph`);
}
