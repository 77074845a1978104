import { cpuEngine } from './cpu.ts';
import type { Engine, EngineName } from './types.ts';
import { webgpuEngine } from './webgpu/engine.ts';

/** The engine of a name, as the command line gives it. Throws an InputError where it can't run here. */
export async function engineNamed(name: EngineName): Promise<Engine> {
  switch (name) {
    case 'cpu':
      return cpuEngine();
    case 'webgpu':
      return webgpuEngine();
  }
}
