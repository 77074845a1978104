import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { cpuEngine } from './cpu.ts';

/** What computed a result, as `run.json` records it. */
export interface EngineInfo {
  readonly onnxruntime: string;
  readonly node: string;
  /** For instance `linux-x64`. */
  readonly platform: string;
  /** The processor's name, as the operating system gives it. */
  readonly cpu: string;
  /** Processors that this process may use: the default number of threads. */
  readonly processors: number;
  readonly memoryBytes: number;
}

/** @throws InputError where ONNX Runtime has no native library */
export function engineInfo(): EngineInfo {
  return {
    onnxruntime: cpuEngine().versions.onnxruntime ?? 'unknown',
    node: process.versions.node,
    platform: `${platform()}-${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    processors: availableParallelism(),
    memoryBytes: totalmem(),
  };
}
