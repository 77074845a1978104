import { encodeModel, type OnnxGraph, type OnnxInitializer } from '../graph/index.ts';
import type { Engine, EngineOptions } from './types.ts';

export interface CalibrationOptions {
  /** Default: the processors available. */
  readonly threads?: number;
  /** How long to measure at most, after one run to warm up; at least three runs are made. Default 1. */
  readonly seconds?: number;
}

export interface MatmulPeak {
  /** 2·size³ operations in the fastest run, in 10⁹ floating-point operations per second. */
  readonly gflopsPerSecond: number;
  /** The same for the median run: far below the fastest one, the machine was busy. */
  readonly medianGflopsPerSecond: number;
  readonly size: number;
  readonly runs: number;
}

export interface CopyBandwidth {
  /** Bytes read and written in the fastest pass, per second. */
  readonly bytesPerSecond: number;
  /** The size of the tensor, in bytes. */
  readonly tensorBytes: number;
  readonly runs: number;
}

/** Measures the float32 product of two square matrices, the second a constant: what a linear layer can reach at best. */
export async function measureMatmulPeak(
  engine: Engine,
  { size = 1024, seconds = 1, threads }: CalibrationOptions & { readonly size?: number } = {},
): Promise<MatmulPeak> {
  const model = modelOf({
    name: 'matmul',
    nodes: [{ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    inputs: [{ name: 'x', dtype: 'float32', shape: [size, size] }],
    outputs: [{ name: 'y', dtype: 'float32', shape: [size, size] }],
    initializers: [floats('w', [size, size], pattern(size * size))],
  });
  const session = await engine.createSession(model, threadOption(threads));
  try {
    const x = { dtype: 'float32', shape: [size, size], data: pattern(size * size) } as const;
    const times = (await timeRuns(() => session.run({ x }), seconds)).sort((a, b) => a - b);
    const gflops = 2e-9 * size ** 3;
    return {
      gflopsPerSecond: gflops / (times[0] ?? Number.NaN),
      medianGflopsPerSecond: gflops / (times[times.length >> 1] ?? Number.NaN),
      size,
      runs: times.length,
    };
  } finally {
    await session.release();
  }
}

/**
 * Measures how fast the engine reads and writes back a large float32 tensor, by a multiplication with a constant.
 *
 * The tensor stays inside of the engine, since the memory of a new output costs page faults. A multiplication, because
 * the engine removes copies and computes some simpler operators (`Neg`) on one thread.
 * @param tensorBytes the size of one tensor; larger than all caches. Default 128 MiB
 */
export async function measureCopyBandwidth(
  engine: Engine,
  { tensorBytes = 2 ** 27, seconds = 1, threads }: CalibrationOptions & { readonly tensorBytes?: number } = {},
): Promise<CopyBandwidth> {
  const elements = Math.floor(tensorBytes / 4);
  const passes = 4;
  const names = Array.from({ length: passes + 1 }, (_, i) => (i === 0 ? 'x' : `pass${i}`));
  const model = modelOf({
    name: 'copy',
    nodes: [
      ...names.slice(1).map((output, i) => ({
        opType: 'Mul',
        name: output,
        inputs: [names[i] ?? '', 'minusOne'],
        outputs: [output],
      })),
      { opType: 'Slice', inputs: [`pass${passes}`, 'start', 'end'], outputs: ['y'] },
    ],
    inputs: [{ name: 'x', dtype: 'float32', shape: [elements] }],
    outputs: [{ name: 'y', dtype: 'float32', shape: [1] }],
    initializers: [
      floats('minusOne', [], Float32Array.of(-1)),
      { name: 'start', dtype: 'int64', shape: [1], data: new Uint8Array(8) },
      { name: 'end', dtype: 'int64', shape: [1], data: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) },
    ],
  });
  const session = await engine.createSession(model, {
    ...threadOption(threads),
    optimization: 'disabled',
    profile: true,
  });
  try {
    const x = { dtype: 'float32', shape: [elements], data: pattern(elements) } as const;
    const times = await timeRuns(() => session.run({ x }), seconds);
    const { nodes } = await session.profile();
    const fastestMs = Math.min(...nodes.filter((node) => node.opType === 'Mul').map((node) => node.minMs));
    return { bytesPerSecond: (2 * 4 * elements) / (fastestMs / 1000), tensorBytes: 4 * elements, runs: times.length };
  } finally {
    await session.release();
  }
}

/** Seconds per run. */
async function timeRuns(run: () => Promise<unknown>, seconds: number): Promise<number[]> {
  await run();
  const times: number[] = [];
  const deadline = performance.now() + seconds * 1000;
  while (times.length < 3 || performance.now() < deadline) {
    const start = performance.now();
    await run();
    times.push((performance.now() - start) / 1000);
  }
  return times;
}

function modelOf(graph: OnnxGraph): Uint8Array {
  return encodeModel({ irVersion: 10, producerName: 'normlab', opsetImports: [{ domain: '', version: 21 }], graph });
}

function threadOption(threads: number | undefined): EngineOptions {
  return threads === undefined ? {} : { threads };
}

/** Ordinary numbers in [-0.5, 0.5): multiplying zeros or denormals may take another time. */
function pattern(length: number): Float32Array {
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = ((i * 7919) % 1000) / 1000 - 0.5;
  return values;
}

function floats(name: string, shape: readonly number[], values: Float32Array): OnnxInitializer {
  return { name, dtype: 'float32', shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}
