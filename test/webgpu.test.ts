import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { capture } from '../src/cli/capture.fixture.ts';
import { RefusalError } from '../src/core/errors.ts';
import {
  cpuEngine,
  type EngineTensor,
  engineNamed,
  engineNames,
  findAdapter,
  type Session,
} from '../src/engine/index.ts';
import { loadOnnxRuntime } from '../src/engine/onnxruntime.ts';
import { createOrtSession } from '../src/engine/session.ts';
import { webgpuConfig } from '../src/engine/webgpu/config.ts';
import { createWebgpuSession, type WebgpuSessionContext } from '../src/engine/webgpu/engine.ts';
import { openDecodingSession } from '../src/generate/index.ts';
import { encodeModel, type OnnxNode } from '../src/graph/index.ts';
import { type Group, openModel, verifyModel } from '../src/models/index.ts';

// A driver in software compiles shaders for seconds.
vi.setConfig({ testTimeout: 300_000 });

const adapter = await findAdapter();
/** Set where there has to be an adapter: a test that is skipped shows nothing. */
const required = process.env.NORMLAB_WEBGPU === 'required';
const reason = adapter.found ? (adapter.name ?? 'an adapter without a name') : `skipped: WebGPU ${adapter.reason}`;
const onWebgpu = (name: string, body: () => void) => describe.runIf(adapter.found)(`${name} (${reason})`, body);

test.runIf(required)('there is an adapter', () => {
  expect(adapter).toMatchObject({ found: true });
});

const golden = (name: string) => fileURLToPath(new URL(`./fixtures/golden/${name}`, import.meta.url));

onWebgpu('golden cases', () => {
  test.each<[string, string, readonly Group[]]>([
    ['gpt2', 'LayerNormalization', []],
    ['gpt_neox_parallel', 'LayerNormalization', ['logits', 'hidden_states']],
    ['olmo', 'LayerNormalization', ['logits', 'hidden_states']],
    ['llama', 'SimplifiedLayerNormalization', ['logits', 'hidden_states']],
    ['qwen3', 'SimplifiedLayerNormalization', ['logits', 'hidden_states']],
    ['gemma', 'SimplifiedLayerNormalization', ['logits', 'hidden_states']],
    // Its queries, values and keys lie in 12 pieces, more than an adapter's shader may have buffers.
    ['codegen', 'LayerNormalization', ['logits']],
  ])('%s', async (name, norm, only) => {
    const engine = await engineNamed('webgpu');
    const against = `${golden(name)}/golden.safetensors`;
    const { tensors, engine: use } = await verifyModel(golden(name), { against, dtype: 'float32', engine, only });
    expect(tensors.filter(({ ok }) => !ok)).toEqual([]);
    const { WebGpuExecutionProvider: gpu = {}, CPUExecutionProvider: cpu = {} } = use?.placement ?? {};
    expect(gpu[norm]).toBeGreaterThan(1);
    expect(gpu.MatMul).toBeGreaterThan(1);
    if (only.length > 0) expect(cpu).toEqual({});
  });

  test('the command says on what and how many nodes per provider', async () => {
    const against = `${golden('gpt2')}/golden.safetensors`;
    const options = ['--against', against, '--dtype', 'float32', '--engine', 'webgpu', '--only', 'logits'];
    const { code, stdout, stderr } = await capture('verify', golden('gpt2'), ...options);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/\nEngine: WebGPU, .+; \d+ nodes on the GPU\n$/);
    const json = JSON.parse((await capture('verify', golden('gpt2'), ...options, '--json')).stdout);
    expect(json.engine).toMatchObject({
      name: 'webgpu',
      placement: { WebGpuExecutionProvider: { MatMul: expect.any(Number) } },
    });
  });
});

onWebgpu('generation', () => {
  test('the command writes the same, and says on what', async () => {
    const args = ['generate', golden('llama'), '--ids', '1,2,3', '--max-tokens', '4'];
    const cpu = await capture(...args);
    const gpu = await capture(...args, '--engine', 'webgpu');
    expect(gpu).toMatchObject({ code: 0, stdout: cpu.stdout });
    expect(gpu.stderr).toMatch(/\nEngine: WebGPU, .+; \d+ nodes on the GPU, \d+ nodes on the CPU \([A-Za-z, ]+\)\n$/);
    expect(cpu.stderr).not.toContain('Engine');
  });

  test('a prompt and then token after token have the logits of the CPU', async () => {
    const logits: (readonly number[])[] = [];
    for (const name of engineNames) {
      const model = await openModel(golden('gemma2'));
      onTestFinished(() => model.checkpoint.close());
      const session = await openDecodingSession(model, { context: 6, engine: await engineNamed(name) });
      onTestFinished(() => session.release());
      logits.push([...(await session.feed([5, 17, 3])), ...(await session.feed([9])), ...(await session.feed([11]))]);
    }
    const [cpu = [], gpu = []] = logits;
    expect(gpu).toHaveLength(cpu.length);
    const largest = gpu.reduce((most, value, i) => Math.max(most, Math.abs(value - (cpu[i] ?? Number.NaN))), 0);
    expect(largest).toBeLessThan(2e-5);
    expect(largest).toBeGreaterThan(0);
  });
});

const size = 8;
const x: EngineTensor = {
  dtype: 'float32',
  shape: [size, size],
  data: Float32Array.from({ length: size * size }, (_, i) => Math.sin(i * i)),
};

/** `y` = LayerNormalization(x · x), in nodes that are named after their operators. */
function product(dtype: 'float32' | 'float64' = 'float32', nodes: readonly OnnxNode[] = normOfProduct): Uint8Array {
  const ones = dtype === 'float32' ? new Float32Array(size).fill(1) : new Float64Array(size).fill(1);
  return encodeModel({
    irVersion: 10,
    producerName: 'test',
    opsetImports: [{ domain: '', version: 21 }],
    graph: {
      name: 'test',
      nodes,
      inputs: [{ name: 'x', dtype, shape: [size, size] }],
      outputs: [{ name: 'y', dtype, shape: [size, 'width'] }],
      initializers: [{ name: 'ones', dtype, shape: [size], data: new Uint8Array(ones.buffer) }],
    },
  });
}

const normOfProduct: readonly OnnxNode[] = [
  { opType: 'MatMul', name: 'MatMul', inputs: ['x', 'x'], outputs: ['xx'] },
  { opType: 'LayerNormalization', name: 'LayerNormalization', inputs: ['xx', 'ones'], outputs: ['y'] },
];

async function sessionOn(model: Uint8Array, context: WebgpuSessionContext = {}, profile = false) {
  const session = await createWebgpuSession(loadOnnxRuntime(), model, { profile }, context);
  onTestFinished(() => session.release());
  return session;
}

onWebgpu('a session', () => {
  test('computes what the CPU computes, and says what ran where', async () => {
    const session = await sessionOn(product());
    expect(session.placement?.()).toBeUndefined();
    const first = await session.run({ x });
    expect(session.placement?.()).toEqual({ WebGpuExecutionProvider: { MatMul: 1, LayerNormalization: 1 } });
    expect(await session.run({ x })).toEqual(first);
    const cpu = await cpuEngine().createSession(product(), { threads: 1 });
    onTestFinished(() => cpu.release());
    const { y } = await cpu.run({ x });
    expect(first.y?.shape).toEqual(y?.shape);
    for (const [i, value] of (y?.data ?? []).entries()) expect(Number(first.y?.data[i])).toBeCloseTo(Number(value), 5);
  });

  test('gives its profile', async () => {
    const session = await sessionOn(product(), {}, true);
    await session.run({ x });
    await session.run({ x });
    const { runs, nodes } = await session.profile();
    expect(runs).toBe(2);
    expect(nodes.map(({ name, calls }) => `${name} ${calls}`).sort()).toEqual(['LayerNormalization 2', 'MatMul 2']);
    const unprofiled = await sessionOn(product());
    await expect(unprofiled.profile()).rejects.toThrow('Create the session with profile: true');
  });

  test.each(['MatMul', 'LayerNormalization'])('refuses every run with a %s on the CPU', async (name) => {
    const session = await sessionOn(product(), { forceCpuNodeNames: [name] });
    for (let run = 0; run < 2; run++) {
      await expect(session.run({ x })).rejects.toThrow(RefusalError);
      await expect(session.run({ x })).rejects.toThrow(`on the CPU: ${name} (${name}). `);
    }
    const profiled = await sessionOn(product(), { forceCpuNodeNames: [name] }, true);
    await profiled.run({ x });
    await expect(profiled.profile()).rejects.toThrow(`on the CPU: ${name} (${name}). `);
  });

  /** Of the rows 3, 3, … and −4, −4, …; 1/rms is a third and a quarter. */
  async function rowStatistics(createSession: (model: Uint8Array) => Promise<Session>): Promise<readonly number[]> {
    const outputs = ['normalized', 'y'];
    const norm: OnnxNode = {
      opType: 'SimplifiedLayerNormalization',
      name: 'norm',
      inputs: ['x', 'ones'],
      outputs,
      attributes: { axis: { kind: 'int', value: -1 }, epsilon: { kind: 'float', value: 1e-12 } },
    };
    const session = await createSession(product('float32', [norm]));
    onTestFinished(() => session.release());
    const data = Float32Array.from({ length: size * size }, (_, i) => (i < size ? 3 : -4));
    const { y } = await session.run({ x: { dtype: 'float32', shape: [size, size], data } });
    return Array.from(y?.data ?? [], Number);
  }

  test("refuses RMSNorm's row statistics, which are wrong", async () => {
    const [first, second] = await rowStatistics((model) => cpuEngine().createSession(model, { threads: 1 }));
    expect(first).toBeCloseTo(1 / 3, 6);
    expect(second).toBeCloseTo(1 / 4, 6);
    await expect(rowStatistics((model) => sessionOn(model))).rejects.toThrow('gives their mean instead');
    // As soon as this fails the kernel has been corrected, and the refusal can go.
    const kernel = await rowStatistics((model) => createOrtSession(loadOnnxRuntime(), model, {}, webgpuConfig()));
    expect(kernel.slice(0, 2)).toEqual([3, -4]);
  });

  test('refuses inputs without elements, on which some kernels crash', async () => {
    const session = await sessionOn(product());
    const nothing: EngineTensor = { dtype: 'float32', shape: [0, size], data: new Float32Array() };
    await expect(session.run({ x: nothing })).rejects.toThrow('input x is empty, [0, 8]');
  });

  test('refuses float64, for which there are no shaders', async () => {
    const session = await sessionOn(product('float64'));
    const doubles: EngineTensor = { dtype: 'float64', shape: [size, size], data: Float64Array.from(x.data, Number) };
    await expect(session.run({ x: doubles })).rejects.toThrow('on the CPU: ');
  });

  test('refuses in one line what is beyond the limits of the adapter', async () => {
    const wide = Array.from({ length: 8 }, () => 'x');
    const parts = Array.from({ length: 64 }, (_, i) => `part${i}`);
    const nodes: readonly OnnxNode[] = [
      { opType: 'Concat', inputs: wide, outputs: ['wide'], attributes: { axis: { kind: 'int', value: 1 } } },
      {
        opType: 'Split',
        name: 'Split_7',
        inputs: ['wide'],
        outputs: parts,
        attributes: { axis: { kind: 'int', value: 1 }, num_outputs: { kind: 'int', value: 64 } },
      },
      {
        opType: 'Concat',
        inputs: [...parts].reverse(),
        outputs: ['y'],
        attributes: { axis: { kind: 'int', value: 1 } },
      },
    ];
    const session = await sessionOn(product('float32', nodes), { device: 'the adapter' });
    const failure = await session.run({ x }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RefusalError);
    expect(String(failure)).toMatch(
      /^RefusalError: engine: WebGPU on the adapter can't run the model \(node .+\): .+$/,
    );
    expect(String(failure)).toContain('Too many storage buffers');
  });
});
