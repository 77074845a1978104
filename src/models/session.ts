import { cpuEngine, type Engine, type EngineOptions, type Session } from '../engine/index.ts';
import { emitOnnx, encodeModel, type Tensor } from '../graph/index.ts';
import { externalWeights } from './external.ts';
import type { Model } from './load.ts';

export interface ModelSessionOptions extends Omit<EngineOptions, 'externalDataFolder'> {
  /** Default: ONNX Runtime on the CPU. */
  readonly engine?: Engine | undefined;
  /** What the engine computes in; default float32. */
  readonly floatType?: 'float32' | 'float64' | undefined;
}

/**
 * A session that computes `outputs` of a graph on a model's parameters; the session's inputs are the graph's.
 *
 * The graph's parameters are named and shaped as the model stores them (`buildDecoder` with `storage: model.storage`). The
 * engine maps them from their safetensors files: none of them passes through JavaScript, and one that is used twice, such as
 * a tied head, is there once. What is stored in another dtype is converted once, when the session is created. No
 * rearranged copies are kept (`prepacking`), unless that is asked for.
 *
 * The files must stay as they are until the session is released: the system kills a process that reads from a mapped file
 * behind its end. Throws InputError where a file has changed its length since the model was opened.
 */
export async function createModelSession(
  model: Model,
  outputs: Readonly<Record<string, Tensor>>,
  options: ModelSessionOptions = {},
): Promise<Session> {
  const { engine = cpuEngine(), floatType = 'float32', ...engineOptions } = options;
  const { folder, tensors } = await externalWeights(model);
  const onnx = emitOnnx(outputs, { floatType, initializers: tensors, fusedTransposes: engine.name === 'cpu' });
  return await engine.createSession(encodeModel(onnx), {
    prepacking: false,
    // Its fusions beyond that keep scales in float32 and make nodes that only float32 has kernels for.
    ...(floatType === 'float64' ? { optimization: 'basic' as const } : {}),
    ...engineOptions,
    externalDataFolder: folder,
  });
}
