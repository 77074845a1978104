import { RefusalError } from '../../core/errors.ts';
import type { NodeProfile } from '../profile.ts';
import type { Placement } from '../types.ts';

const webgpuProvider = 'WebGpuExecutionProvider';

/**
 * Operators that ONNX Runtime computes on the CPU only and that our graphs use for the loss alone. All others that read
 * floats are part of a norm, a matrix product or what lies between them.
 */
const allowedOnCpu: ReadonlySet<string> = new Set(['LogSoftmax', 'OneHot']);

/** How many of a profile's nodes each provider computed. */
export function placementOf(nodes: readonly NodeProfile[]): Placement {
  const counts: Record<string, Record<string, number>> = {};
  for (const { provider, opType } of nodes) {
    const ops = counts[provider] ?? {};
    ops[opType] = (ops[opType] ?? 0) + 1;
    counts[provider] = ops;
  }
  return counts;
}

/**
 * Throws a RefusalError that names the nodes which compute from floats and fell back to the CPU.
 *
 * Nodes that read ids, positions, shapes and conditions may lie there: ONNX Runtime puts them where they are faster.
 */
export function refuseFallback(nodes: readonly NodeProfile[]): void {
  const fallen = nodes.filter(
    ({ provider, opType, readsFloats }) => provider !== webgpuProvider && readsFloats && !allowedOnCpu.has(opType),
  );
  if (fallen.length === 0) return;
  const first = fallen.slice(0, 5).map(({ name, opType }) => `${opType} (${name})`);
  const more = fallen.length > first.length ? ` and ${fallen.length - first.length} more` : '';
  throw new RefusalError(
    `engine: not all of the model runs on WebGPU; on the CPU: ${first.join(', ')}${more}. ` +
      'ONNX Runtime has no WebGPU kernel for them in this form; use the engine cpu',
  );
}

/**
 * Throws a RefusalError where a node's WebGPU kernel is known to compute something else than the operator means.
 *
 * The second result of SimplifiedLayerNormalization is 1/rms of each row; onnxruntime-node 1.30 writes the row's mean
 * instead. Only gradients of RMSNorm ask for it.
 */
export function refuseWrongKernels(nodes: readonly NodeProfile[]): void {
  const wrong = nodes.find(
    ({ provider, opType, outputs }) =>
      provider === webgpuProvider && opType === 'SimplifiedLayerNormalization' && outputs > 1,
  );
  if (wrong === undefined) return;
  throw new RefusalError(
    `engine: ${wrong.opType} (${wrong.name}) has to give 1/rms of its rows, which gradients of RMSNorm need, and ` +
      "ONNX Runtime's WebGPU kernel gives their mean instead. Use the engine cpu, or compute no gradients",
  );
}
