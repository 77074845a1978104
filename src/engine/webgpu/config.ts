import type { Provider } from '../session.ts';

/** What the WebGPU engine asks of ONNX Runtime. Errors are thrown, and not written to standard error besides. */
export function webgpuConfig(forceCpuNodeNames: readonly string[] = []): Provider {
  return {
    executionProviders: [{ name: 'webgpu', ...(forceCpuNodeNames.length > 0 && { forceCpuNodeNames }) }],
    logSeverityLevel: 4,
  };
}
