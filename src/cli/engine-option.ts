import { Option } from 'commander';
import { type EngineUse, engineNames } from '../engine/index.ts';

/** `--engine`, the same for all commands that compute: its argument is an `EngineName`. */
export function engineOption(): Option {
  return new Option('--engine <engine>', 'what computes in float32: the processors, or a GPU through WebGPU')
    .choices(engineNames)
    .default('cpu');
}

/** One line on what computed: the adapter, the nodes of each provider, and the operators of those off the adapter. */
export function describeEngine({ name, device, placement }: EngineUse): string {
  const where = name === 'cpu' ? 'the processors' : `WebGPU, ${device ?? 'on an adapter without a name'}`;
  if (placement === undefined) return `Engine: ${where}`;
  const counts = Object.entries(placement).map(([provider, ops]) => {
    const nodes = Object.values(ops).reduce((sum, count) => sum + count, 0);
    const which = provider === 'CPUExecutionProvider' ? ` (${Object.keys(ops).sort().join(', ')})` : '';
    return `${nodes} ${nodes === 1 ? 'node' : 'nodes'} on the ${providerNames[provider] ?? provider}${which}`;
  });
  return `Engine: ${where}; ${counts.join(', ')}`;
}

const providerNames: Readonly<Record<string, string>> = { CPUExecutionProvider: 'CPU', WebGpuExecutionProvider: 'GPU' };
