import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openSafetensors } from '../../../checkpoint/safetensors/index.ts';
import type { Value } from '../../tensor.ts';
import { decodeModel } from '../decode.ts';
import type { OnnxInitializer } from '../types.ts';
import { evaluateOnnx, unsupportedOps } from './evaluate.ts';
import { elementTypeOf, onnxValue } from './values.ts';

const root = new URL('../../../../test/fixtures/onnx/', import.meta.url);

/** Float32 files hold constants like 1/√8 and ε in float32, which PyTorch has in float64; float16 the more so. */
const tolerances: Readonly<Record<string, number>> = { float64: 1e-12, float32: 2e-7, float16: 1e-4 };

/** PyTorch 2.5's dynamo exporter splits into a sequence, which is no tensor. */
const withSequences = 'gpt2_dynamo';
const cases = readdirSync(root).filter((name) => name !== withSequences);

async function golden(name: string): Promise<Readonly<Record<string, Value>>> {
  const file = await openSafetensors(new URL(`${name}/golden.safetensors`, root).pathname);
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

/** Reads what lies beside the model. */
function beside(name: string) {
  return (tensor: OnnxInitializer): Value | undefined => {
    if (!('external' in tensor)) return undefined;
    const { location, offset, length } = tensor.external;
    const data = readFileSync(new URL(`${name}/${location}`, root)).subarray(offset, offset + length);
    return onnxValue({ ...tensor, data });
  };
}

describe('exported models give what PyTorch computes in float64', () => {
  it.each(cases)('%s', async (name) => {
    const model = decodeModel(readFileSync(new URL(`${name}/model.onnx`, root)), name);
    const { dtype } = JSON.parse(readFileSync(new URL(`${name}/case.json`, root), 'utf8'));
    const recorded = await golden(name);
    const results = evaluateOnnx(model, recorded, { initializer: beside(name) });
    expect(results.size).toBeGreaterThan(0);
    for (const [output, { shape, data }] of results) {
      expect(shape).toEqual(recorded[output]?.shape);
      const largest = data.reduce(
        (top, value, i) => Math.max(top, Math.abs(value - (recorded[output]?.data[i] ?? Number.NaN))),
        0,
      );
      expect(largest).toBeLessThanOrEqual(tolerances[dtype] ?? 0);
    }
  });

  it('refuses what holds sequences', () => {
    const model = decodeModel(readFileSync(new URL(`${withSequences}/model.onnx`, root)), withSequences);
    expect(unsupportedOps(model).map(({ opType }) => opType)).toEqual(['SplitToSequence', 'SequenceAt']);
  });
});
