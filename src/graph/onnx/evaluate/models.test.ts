import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Value } from '../../tensor.ts';
import { decodeModel } from '../decode.ts';
import { exportedRoot, recorded } from '../recorded.fixture.ts';
import type { OnnxInitializer } from '../types.ts';
import { evaluateOnnx, unsupportedOps } from './evaluate.ts';
import { onnxValue } from './values.ts';

/** Float32 files hold constants like 1/√8 and ε in float32, which PyTorch has in float64; float16 the more so. */
const tolerances: Readonly<Record<string, number>> = { float64: 1e-12, float32: 2e-7, float16: 1e-4 };

/** PyTorch 2.5's dynamo exporter splits into a sequence, which is no tensor. */
const withSequences = 'gpt2_dynamo';
const cases = readdirSync(exportedRoot).filter((name) => name !== withSequences);

/** Reads what lies beside the model. */
function beside(name: string) {
  return (tensor: OnnxInitializer): Value | undefined => {
    if (!('external' in tensor)) return undefined;
    const { location, offset, length } = tensor.external;
    const data = readFileSync(new URL(`${name}/${location}`, exportedRoot)).subarray(offset, offset + length);
    return onnxValue({ ...tensor, data });
  };
}

describe('exported models give what PyTorch computes in float64', () => {
  it.each(cases)('%s', async (name) => {
    const model = decodeModel(readFileSync(new URL(`${name}/model.onnx`, exportedRoot)), name);
    const { dtype } = JSON.parse(readFileSync(new URL(`${name}/case.json`, exportedRoot), 'utf8'));
    const given = await recorded(name);
    const results = evaluateOnnx(model, given, { initializer: beside(name) });
    expect(results.size).toBeGreaterThan(0);
    for (const [output, { shape, data }] of results) {
      expect(shape).toEqual(given[output]?.shape);
      const largest = data.reduce(
        (top, value, i) => Math.max(top, Math.abs(value - (given[output]?.data[i] ?? Number.NaN))),
        0,
      );
      expect(largest).toBeLessThanOrEqual(tolerances[dtype] ?? 0);
    }
  });

  it('refuses what holds sequences', () => {
    const model = decodeModel(readFileSync(new URL(`${withSequences}/model.onnx`, exportedRoot)), withSequences);
    expect(unsupportedOps(model).map(({ opType }) => opType)).toEqual(['SplitToSequence', 'SequenceAt']);
  });
});
