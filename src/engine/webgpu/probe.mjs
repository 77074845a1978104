// The program of the child process in which WebGPU is tried out. It is JavaScript so that it starts from source and from dist/ alike.
import { env, InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';

/**
 * @param {Uint8Array} model whose input x is float32 [4, 4]
 * @returns {Promise<import('./adapter.ts').ProbeMessage>}
 */
async function probe(model) {
  if (!listSupportedBackends().some(({ name }) => name === 'webgpu')) return { kind: 'unsupported' };
  env.logLevel = 'error';
  const session = await InferenceSession.create(model, { executionProviders: ['webgpu'], logSeverityLevel: 4 });
  await session.run({ x: new Tensor('float32', new Float32Array(16).fill(1), [4, 4]) });
  await session.release();
  return { kind: 'works' };
}

process.once('message', async (/** @type {Uint8Array} */ model) => {
  const message = await probe(model).catch((error) => ({ kind: 'failed', message: String(error?.message ?? error) }));
  process.send?.(message, () => process.disconnect());
});
