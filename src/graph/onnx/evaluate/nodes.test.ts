import { describe, expect, it } from 'vitest';
import { makeValue, type Value } from '../../tensor.ts';
import type { OnnxInitializer } from '../types.ts';
import { UnsupportedOpError } from './context.ts';
import { evaluateOnnx } from './evaluate.ts';
import { nodeCases } from './nodes.fixture.ts';
import { evaluations } from './registry.ts';
import { onnxValue } from './values.ts';

/** What the recorded numbers hold: those in float64 were computed in it, with attributes rounded now and then. */
const tolerances: Readonly<Record<string, number>> = { float64: 1e-9, float32: 1e-4, float16: 2e-2 };

/** Modes that the evaluator leaves to engines, and operators from before broadcasting. */
const refused =
  /^(attention_.*(_padded_kv|_with_qk_matmul.*)|einsum_batch_diagonal|maxpool_with_argmax_.*|not_.d|resize_(tf_crop_|downsample_scales_(cubic|linear)_align_corners|.*_antialias|.*_not_(larger|smaller)).*)$/;

const cases = nodeCases();

function expected(initializers: readonly OnnxInitializer[], output: string) {
  const tensor = initializers.find(({ name }) => name === `expected/${output}`);
  if (tensor === undefined || 'external' in tensor) throw new Error(`nothing is recorded for ${output}`);
  return { value: onnxValue(tensor), tolerance: tolerances[tensor.dtype] ?? 0 };
}

/** The largest difference, relative to entries above 1; NaN and infinities must be the same. */
function distance(a: Value, b: Value): number {
  return a.data.reduce((largest, x, i) => {
    const y = b.data[i] ?? 0;
    return Object.is(x, y) ? largest : Math.max(largest, x === y ? 0 : Math.abs(x - y) / Math.max(1, Math.abs(y)));
  }, 0);
}

describe('operators of ONNX', () => {
  it.each(cases.map((model) => [model.graph.name, model] as const))('%s', (name, model) => {
    if (refused.test(name)) {
      expect(() => evaluateOnnx(model, {})).toThrow(UnsupportedOpError);
      return;
    }
    const results = evaluateOnnx(model, {});
    for (const output of model.graph.outputs) {
      const { value, tolerance } = expected(model.graph.initializers, output.name);
      const result = results.get(output.name) ?? makeValue('float', [0], []);
      expect([result.dtype, result.shape]).toEqual([value.dtype, value.shape]);
      expect(distance(result, value)).toBeLessThanOrEqual(tolerance);
    }
  });

  it('has a case for each of them', () => {
    const seen = new Set(
      cases.flatMap(({ graph }) => graph.nodes.map(({ domain, opType }) => `${domain ?? ''}.${opType}`)),
    );
    const missing = Object.entries(evaluations).flatMap(([domain, ops]) =>
      Object.keys(ops).filter((opType) => !seen.has(`${domain}.${opType}`)),
    );
    // Scatter is ScatterElements before opset 11; SimplifiedLayerNormalization is recorded in the default domain.
    expect(missing).toEqual(['Scatter', 'SimplifiedLayerNormalization']);
  });
});
