import { loadOnnxRuntime } from './onnxruntime.ts';
import { createOrtSession } from './session.ts';
import type { Engine } from './types.ts';

/**
 * ONNX Runtime on this machine's processors.
 *
 * A model's results are bit for bit the same in every run with the same number of threads, unless it holds a
 * `ScatterND` with a reduction. Another number of threads may split a matrix product's sums elsewhere. Denormal numbers
 * are computed with, not flushed to zero.
 * @throws InputError where ONNX Runtime has no native library
 */
export function cpuEngine(): Engine {
  const ort = loadOnnxRuntime();
  const provider = { executionProviders: ['cpu'], logSeverityLevel: 3 } as const;
  return {
    name: 'cpu',
    versions: { onnxruntime: ort.env.versions.node ?? ort.env.versions.common },
    createSession: (model, options = {}) => createOrtSession(ort, model, options, provider),
  };
}
