import { byteSizes } from '../../../core/dtype.ts';
import { sizeOf } from '../../../core/shape.ts';
import type { OnnxModel } from '../../../graph/index.ts';

/** Float64 copies of one tensor: widened, perturbed or exact, turned for a product, and one that is not collected yet. */
const wideCopies = 4;

/** What an engine holds of a model: the bytes that it parses, its own tensors, and packed copies of matrices. */
const engineCopies = 3;

/** How many float64 elements the values between the nodes may take at one time: 1 GiB. */
export const maxElements = 2 ** 27;

/**
 * What comparing two ONNX models holds in memory at most, in bytes. Weights stay as they are stored and are widened one by
 * one; one of the models is in the engine at a time.
 */
export function onnxCertificateBytes(models: readonly OnnxModel[]): number {
  const stored = models.map(({ graph }) =>
    graph.initializers.reduce((sum, { dtype, shape }) => sum + byteSizes[dtype] * sizeOf(shape), 0),
  );
  const largest = models
    .flatMap(({ graph }) => graph.initializers)
    .reduce((top, { shape }) => Math.max(top, sizeOf(shape)), 0);
  const total = stored.reduce((sum, bytes) => sum + bytes, 0);
  return total + engineCopies * Math.max(...stored) + 8 * (wideCopies * largest + maxElements);
}
