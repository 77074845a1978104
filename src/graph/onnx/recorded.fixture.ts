import { openSafetensors } from '../../checkpoint/safetensors/index.ts';
import type { Value } from '../tensor.ts';
import { elementTypeOf } from './evaluate/index.ts';

/** Models as PyTorch exports them, a folder each. */
export const exportedRoot = new URL('../../../test/fixtures/onnx/', import.meta.url);

/** What was recorded for an exported model: its inputs, and PyTorch's outputs in float64. */
export async function recorded(name: string): Promise<Readonly<Record<string, Value>>> {
  const file = await openSafetensors(new URL(`${name}/golden.safetensors`, exportedRoot).pathname);
  try {
    const values: Record<string, Value> = {};
    for (const { name: tensor, dtype, shape } of file.tensors.values()) {
      values[tensor] = { dtype: elementTypeOf(dtype), shape, data: await file.readFloat64(tensor) };
    }
    return values;
  } finally {
    await file.close();
  }
}
