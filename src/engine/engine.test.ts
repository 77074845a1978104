import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DType } from '../core/dtype.ts';
import { InputError } from '../core/errors.ts';
import { sizeOf } from '../core/shape.ts';
import { encodeModel, type OnnxInitializer, type OnnxNode } from '../graph/index.ts';
import { cpuEngine, type EngineTensor, engineInfo, measureCopyBandwidth, measureMatmulPeak } from './index.ts';
import { loadError } from './onnxruntime.ts';

const engine = cpuEngine();

interface ModelParts {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly output: readonly number[];
  readonly initializers?: readonly OnnxInitializer[];
  readonly dtype?: DType;
}

/** A model of float32 inputs by name and shape, and of one output `y`. */
function modelOf({ nodes, inputs, output, initializers = [], dtype = 'float32' }: ModelParts): Uint8Array {
  return encodeModel({
    irVersion: 10,
    producerName: 'test',
    opsetImports: [
      { domain: '', version: 23 },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'test',
      nodes,
      inputs: Object.entries(inputs).map(([name, shape]) => ({ name, dtype, shape })),
      outputs: [{ name: 'y', dtype, shape: output }],
      initializers,
    },
  });
}

function float32(shape: readonly number[], data: Float32Array): EngineTensor {
  return { dtype: 'float32', shape, data };
}

/** Numbers that look random and need all bits of a float32. */
function noise(shape: readonly number[]): EngineTensor {
  const value = (i: number) => Math.sin(i * 12.9898) * 43758.5453;
  return float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => value(i) - Math.floor(value(i)) - 0.5),
  );
}

function int64s(name: string, shape: readonly number[], values: readonly number[]): OnnxInitializer {
  return { name, dtype: 'int64', shape, data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) };
}

const double = modelOf({
  nodes: [{ opType: 'Add', name: 'twice', inputs: ['x', 'x'], outputs: ['y'] }],
  inputs: { x: [3] },
  output: [3],
});
const x = float32([3], Float32Array.of(1, -2, 0.5));

describe('a session', () => {
  it('runs a model on tensors by name', async () => {
    const session = await engine.createSession(double);
    expect(session.inputNames).toEqual(['x']);
    expect(session.outputNames).toEqual(['y']);
    expect(await session.run({ x })).toEqual({ y: float32([3], Float32Array.of(2, -4, 1)) });
    await session.release();
  });

  const tensors: EngineTensor[] = [
    { dtype: 'float32', shape: [2], data: Float32Array.of(-0, Number.NaN) },
    { dtype: 'float64', shape: [1, 2], data: Float64Array.of(0.1, 5e-324) },
    { dtype: 'float16', shape: [2], data: Uint16Array.of(0x3c00, 0x0001) },
    { dtype: 'int64', shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n) },
    { dtype: 'uint64', shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
    { dtype: 'int32', shape: [2], data: Int32Array.of(-1, 7) },
    { dtype: 'uint32', shape: [1], data: Uint32Array.of(2 ** 32 - 1) },
    { dtype: 'int16', shape: [1], data: Int16Array.of(-3) },
    { dtype: 'uint16', shape: [1], data: Uint16Array.of(65535) },
    { dtype: 'int8', shape: [1], data: Int8Array.of(-128) },
    { dtype: 'uint8', shape: [1], data: Uint8Array.of(255) },
    { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) },
    { dtype: 'float32', shape: [0, 4], data: new Float32Array(0) },
    { dtype: 'float32', shape: [], data: Float32Array.of(3) },
  ];

  it.each(tensors)('takes and returns $dtype $shape', async (tensor) => {
    const { dtype, shape } = tensor;
    const nodes = [{ opType: 'Identity', inputs: ['x'], outputs: ['y'] }];
    const session = await engine.createSession(modelOf({ nodes, inputs: { x: shape }, output: shape, dtype }));
    expect(await session.run({ x: tensor })).toEqual({ y: tensor });
    await session.release();
  });

  it('returns the outputs that were asked for', async () => {
    const session = await engine.createSession(double);
    expect(Object.keys(await session.run({ x }, ['y']))).toEqual(['y']);
    await expect(session.run({ x }, ['z'])).rejects.toThrow(/invalid output name: z/);
    await session.release();
  });

  it('names a missing or misshapen input', async () => {
    const session = await engine.createSession(double);
    await expect(session.run({})).rejects.toThrow(/input 'x' is missing/);
    await expect(session.run({ x: float32([4], new Float32Array(4)) })).rejects.toThrow(/Got: 4 Expected: 3/);
    await expect(session.run({ x: float32([4], new Float32Array(3)) })).rejects.toThrow(/size\(4\).*length\(3\)/);
    await session.release();
  });

  it('is of no use after its release', async () => {
    const session = await engine.createSession(double);
    await session.release();
    await session.release();
    await expect(session.run({ x })).rejects.toThrow(/released/);
  });

  it('lets signals and timers in between runs', async () => {
    const session = await engine.createSession(double);
    let handled = 0;
    const count = () => {
      handled++;
    };
    process.on('SIGUSR2', count);
    process.kill(process.pid, 'SIGUSR2');
    for (let i = 0; i < 1000 && handled === 0; i++) await session.run({ x });
    process.off('SIGUSR2', count);
    expect(handled).toBe(1);
    await session.release();
  });

  it('reads external initializers from the folder it is given', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'normlab-engine-test-'));
    await writeFile(
      join(folder, 'w.bin'),
      Buffer.from(`abc${Buffer.from(Float32Array.of(10, 20).buffer).toString('latin1')}`, 'latin1'),
    );
    const external = { location: 'w.bin', offset: 3, length: 8 };
    const model = modelOf({
      nodes: [{ opType: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
      inputs: { x: [2] },
      output: [2],
      initializers: [{ name: 'w', dtype: 'float32', shape: [2], external }],
    });
    const session = await engine.createSession(model, { externalDataFolder: folder });
    await rm(folder, { recursive: true });
    const { y } = await session.run({ x: float32([2], Float32Array.of(1, 2)) });
    expect(y?.data).toEqual(Float32Array.of(11, 22));
    await session.release();
  });

  it('keeps denormal numbers', async () => {
    const tiny = float32([3], Float32Array.of(2 ** -149, -(2 ** -140), 2 ** -127));
    const session = await engine.createSession(double);
    expect((await session.run({ x: tiny })).y?.data).toEqual(Float32Array.of(2 ** -148, -(2 ** -139), 2 ** -126));
    await session.release();
  });
});

describe('createSession', () => {
  it('reports what the engine has against a model, as a bug', async () => {
    const unknown = modelOf({
      nodes: [{ opType: 'Nonsense', inputs: ['x'], outputs: ['y'] }],
      inputs: { x: [1] },
      output: [1],
    });
    const refused = engine.createSession(unknown, { profile: true });
    await expect(refused).rejects.toThrow(/^engine: ONNX Runtime refuses the model: .*Nonsense/);
    await expect(refused).rejects.not.toBeInstanceOf(InputError);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses %d threads', async (threads) => {
    await expect(engine.createSession(double, { threads })).rejects.toThrow(/expected a positive integer/);
  });
});

describe('a missing native library', () => {
  it('is one line that says where the engine runs', () => {
    const error = loadError(new Error('Cannot find module onnxruntime_binding.node\nRequire stack:\n- a.js'));
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toContain(
      `${process.platform}-${process.arch} (Cannot find module onnxruntime_binding.node)`,
    );
    expect(error.message).not.toContain('\n');
  });
});

describe('profile', () => {
  it('counts the runs and times the nodes, and leaves nothing behind', async () => {
    const before = profileFolders();
    const session = await engine.createSession(double, { profile: true });
    for (let i = 0; i < 3; i++) await session.run({ x });
    const summary = await session.profile();
    await session.release();
    expect(summary).toMatchObject({ runs: 3, truncated: false });
    expect(summary.nodes).toMatchObject([{ name: 'twice', opType: 'Add', provider: 'CPUExecutionProvider', calls: 3 }]);
    expect(Object.keys(summary.providers)).toEqual(['CPUExecutionProvider']);
    expect(summary.totalMs).toBeGreaterThan(0);
    expect(profileFolders()).toEqual(before);
  });

  it('leaves nothing behind when nobody asks for it', async () => {
    const before = profileFolders();
    const session = await engine.createSession(double, { profile: true });
    await session.run({ x });
    await session.release();
    expect(profileFolders()).toEqual(before);
  });

  it('needs a session that collects it, and is given once', async () => {
    const plain = await engine.createSession(double);
    await expect(plain.profile()).rejects.toThrow(/profile: true/);
    await plain.release();
    const profiled = await engine.createSession(double, { profile: true });
    await profiled.profile();
    await expect(profiled.profile()).rejects.toThrow(/ask once/);
    await profiled.release();
  });
});

function profileFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`normlab-profile-${process.pid}-`));
}

describe('results are bit for bit the same in every run, with 1 and 2 threads', () => {
  const indices = Array.from({ length: 512 * 64 }, (_, i) => (Math.floor(i / 64) * 7919) % 32);
  const sums = (shape: readonly number[], axes: readonly number[], output: readonly number[]): ModelParts => ({
    nodes: [
      {
        opType: 'ReduceSum',
        inputs: ['a', 'axes'],
        outputs: ['y'],
        attributes: { keepdims: { kind: 'int', value: 0 } },
      },
    ],
    inputs: { a: shape },
    output,
    initializers: [int64s('axes', [axes.length], axes)],
  });
  const product = (a: readonly number[], b: readonly number[], output: readonly number[]): ModelParts => ({
    nodes: [{ opType: 'MatMul', inputs: ['a', 'b'], outputs: ['y'] }],
    inputs: { a, b },
    output,
  });
  const cases: Readonly<Record<string, ModelParts>> = {
    'MatMul of activations': product([2048, 128], [128, 512], [2048, 512]),
    'MatMul of attention': product([64, 128, 32], [64, 32, 128], [64, 128, 128]),
    'Gemm of a weight gradient': {
      nodes: [
        { opType: 'Gemm', inputs: ['a', 'b'], outputs: ['y'], attributes: { transA: { kind: 'int', value: 1 } } },
      ],
      inputs: { a: [2048, 128], b: [2048, 512] },
      output: [128, 512],
    },
    Softmax: {
      nodes: [{ opType: 'Softmax', inputs: ['a'], outputs: ['y'] }],
      inputs: { a: [64, 128, 128] },
      output: [64, 128, 128],
    },
    LayerNormalization: {
      nodes: [{ opType: 'LayerNormalization', inputs: ['a', 'b', 'b'], outputs: ['y'] }],
      inputs: { a: [2048, 128], b: [128] },
      output: [2048, 128],
    },
    RMSNormalization: {
      nodes: [{ opType: 'RMSNormalization', inputs: ['a', 'b'], outputs: ['y'] }],
      inputs: { a: [2048, 128], b: [128] },
      output: [2048, 128],
    },
    'ReduceSum over rows': sums([2048, 512], [0], [512]),
    'ReduceSum over leading axes': sums([16, 128, 512], [0, 1], [512]),
    'ReduceSum of all': sums([2048, 128], [0, 1], []),
    'ScatterElements with addition': {
      nodes: [
        {
          opType: 'ScatterElements',
          inputs: ['a', 'indices', 'b'],
          outputs: ['y'],
          attributes: { reduction: { kind: 'string', value: 'add' } },
        },
      ],
      inputs: { a: [32, 64], b: [512, 64] },
      output: [32, 64],
      initializers: [int64s('indices', [512, 64], indices)],
    },
  };

  it.each(Object.entries(cases))('%s', async (_, parts) => {
    const model = modelOf(parts);
    const feeds = Object.fromEntries(Object.entries(parts.inputs).map(([name, shape]) => [name, noise(shape)]));
    const outputs: Uint32Array[] = [];
    for (const threads of [1, 2]) {
      const session = await engine.createSession(model, { threads });
      for (let run = 0; run < 2; run++) {
        const { y } = await session.run(feeds);
        if (y?.dtype === 'float32') outputs.push(new Uint32Array(y.data.buffer, y.data.byteOffset, y.data.length));
      }
      await session.release();
    }
    expect(outputs).toHaveLength(4);
    const [first, ...others] = outputs;
    expect(new Set(first).size).toBeGreaterThan(Math.min(sizeOf(parts.output), 500) / 2);
    for (const other of others) expect(Buffer.compare(bytesOf(first), bytesOf(other))).toBe(0);
  });
});

function bytesOf(words: Uint32Array = new Uint32Array()): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

describe('calibration', () => {
  it('measures the matrix product', async () => {
    const peak = await measureMatmulPeak(engine, { size: 64, seconds: 0, threads: 1 });
    expect(peak).toMatchObject({ size: 64, runs: 3 });
    expect(peak.gflopsPerSecond).toBeGreaterThanOrEqual(peak.medianGflopsPerSecond);
    expect(peak.medianGflopsPerSecond).toBeGreaterThan(0);
  });

  it('measures the bandwidth', async () => {
    const copy = await measureCopyBandwidth(engine, { tensorBytes: 2 ** 22, seconds: 0, threads: 1 });
    expect(copy).toMatchObject({ tensorBytes: 2 ** 22, runs: 3 });
    expect(copy.bytesPerSecond).toBeGreaterThan(0);
    expect(copy.bytesPerSecond).toBeLessThan(Number.POSITIVE_INFINITY);
  });
});

describe('engineInfo', () => {
  it('names the engine and the machine', () => {
    const info = engineInfo();
    expect(info.onnxruntime).toMatch(/^\d+\.\d+\.\d+/);
    expect(info.cpu).not.toBe('');
    expect(info.processors).toBeGreaterThan(0);
  });
});
