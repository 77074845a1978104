import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { FloatDType } from '../../../core/dtype.ts';
import { CheckFailedError } from '../../../core/errors.ts';
import { roundTo } from '../../../core/rounding.ts';
import { cpuEngine } from '../../../engine/index.ts';
import { type BlockOptions, blockNorms, blockSide, blockWeights, centred, rewrittenIn } from './block.fixture.ts';
import { type CertifyOnnxOptions, certifyOnnx } from './certify.ts';
import { onnxFailures } from './judge.ts';
import { onnxCertificateBytes } from './memory.ts';
import { onnxMeasurementsSchema } from './schema.ts';
import { type OnnxSide, openOnnx } from './side.ts';

const fixture = (name: string, file = 'model.onnx') =>
  fileURLToPath(new URL(`../../../../test/fixtures/onnx/${name}/${file}`, import.meta.url));

interface Scenario extends Pick<BlockOptions, 'epsilon' | 'shrink' | 'constants'> {
  readonly dtype?: FloatDType;
  /** A tensor whose mean stays. */
  readonly forgotten?: 'tokens' | 'bias';
  readonly options?: Partial<CertifyOnnxOptions>;
}

/** Certifies the block with LayerNorms against the one with RMSNorms, with what a scenario gets wrong. */
async function certified({ dtype = 'float32', epsilon, shrink, constants, forgotten, options }: Scenario = {}) {
  const weights = blockWeights(dtype);
  const exact = new Map([...centred(weights)].filter(([name]) => name !== forgotten));
  const rounded = { ...weights };
  for (const [name, data] of exact) rounded[name as keyof typeof weights] = data.map((x) => roundTo(x, dtype));
  const shared = { dtype, shrink: shrink === true, constants: constants === true };
  const written: BlockOptions = { ...shared, norm: 'RMSNormalization', weights: rounded };
  return await certifyOnnx({
    source: blockSide({ ...shared, weights }),
    written: blockSide(epsilon === undefined ? written : { ...written, epsilon }),
    exact: (name) => exact.get(name),
    rewritten: rewrittenIn(dtype),
    norms: blockNorms,
    engine: cpuEngine(),
    ...options,
  });
}

describe('certifyOnnx', () => {
  it.each(['float32', 'float16'] as const)('passes a right conversion in %s, and says what it is', async (dtype) => {
    const measured = await certified({ dtype });
    expect(onnxFailures(measured.outputs)).toEqual([]);
    expect(onnxMeasurementsSchema.parse(JSON.parse(JSON.stringify(measured)))).toEqual(measured);
    expect(measured).toMatchObject({ passed: true, withoutFloat64: null, withoutEngine: null });
    const [logits] = measured.outputs;
    expect(measured.outputs).toHaveLength(1);
    expect(logits?.algebra?.maxAbs).toBeLessThan(1e-13);
    expect(logits?.algebra?.maxAbs).toBeGreaterThan(0);
    expect(logits?.stored?.maxAbs).toBeGreaterThan(1e-9);
    expect(logits?.stored?.maxAbs).toBeLessThan(3 * (logits?.floor.maxAbs ?? 0));
    for (const { meanBefore, meanAfter } of measured.norms) {
      expect(meanBefore).toBeGreaterThan(0.1);
      expect(meanAfter).toBeLessThan(1e-14);
    }
  });

  it('takes ids from the tables that they pick from, as many as there are positions', async () => {
    const { inputs } = await certified();
    // Six positions: 16, 8 and 4 after 4 are too many.
    expect(inputs).toEqual(
      [
        { name: 'ids', dtype: 'int64', shape: [2, 16], content: 'random' },
        { name: 'position_ids', dtype: 'int64', shape: [2, 16], content: 'positions' },
      ].map((input) => ({ ...input, shape: [2, 4] })),
    );
  });

  it('catches another epsilon', async () => {
    const { passed, outputs } = await certified({ epsilon: 1e-6 });
    expect(passed).toBe(false);
    expect(onnxFailures(outputs)[0]).toMatch(/^algebra of logits is off by up to .* limit 1\.00e-10$/);
  });

  it('catches an epsilon that hides in the rounding of float16', async () => {
    const { outputs } = await certified({ epsilon: 1.1e-5, dtype: 'float16' });
    expect(onnxFailures(outputs)).toHaveLength(1);
  });

  it.each(['tokens', 'bias'] as const)('catches %s that keep their mean', async (forgotten) => {
    const { passed, outputs, norms } = await certified({ forgotten });
    expect(passed).toBe(false);
    expect(onnxFailures(outputs)).toEqual([expect.stringMatching(/^algebra of logits/)]);
    expect(norms.at(-1)?.meanAfter).toBeGreaterThan(0.01);
  });

  it('compares in the engine what float64 does not know', async () => {
    const measured = await certified({ shrink: true });
    expect(measured.withoutFloat64).toContain('"Shrink"');
    expect(onnxFailures(measured.outputs)).toEqual([]);
    const [logits] = measured.outputs;
    expect(logits).toMatchObject({ algebra: null, stored: null });
    expect(logits?.limits.run).toBeLessThan(1e-4);
    expect(logits?.floor.maxAbs).toBeGreaterThan(1e-8);
    expect((await certified({ shrink: true, forgotten: 'bias' })).passed).toBe(false);
  });

  it('finds weights in nodes as well', async () => {
    const [nodes, initializers] = [await certified({ constants: true }), await certified()];
    expect(nodes.outputs[0]?.floor).toEqual(initializers.outputs[0]?.floor);
    expect(nodes.inputs).toEqual(initializers.inputs);
    expect(nodes.passed).toBe(true);
    const inEngine = await certified({ constants: true, shrink: true });
    expect(inEngine.outputs[0]?.floor.maxAbs).toBeGreaterThan(1e-8);
  });

  it('measures the same again, and something else with another seed', async () => {
    const [first, second, other] = [
      await certified(),
      await certified(),
      await certified({ options: { inputs: { seed: 1 } } }),
    ];
    expect(second).toEqual(first);
    expect(other.outputs[0]?.floor.maxAbs).not.toBe(first.outputs[0]?.floor.maxAbs);
  });

  it('refuses a model that memory does not hold', async () => {
    const { model } = blockSide({ weights: blockWeights() });
    const needed = onnxCertificateBytes([model, model]);
    expect(needed).toBeGreaterThan(2 ** 30);
    await expect(certified({ options: { availableBytes: needed - 1 } })).rejects.toThrow(/takes 1\.00 GiB of memory/);
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    controller.abort(new Error('stopped'));
    await expect(certified({ options: { signal: controller.signal } })).rejects.toThrow('stopped');
  });

  it('says why the engine runs nothing in float64', async () => {
    const source = await openOnnx(fixture('vit_float64'));
    const measured = await certifyOnnx({ ...withItself(source), engine: cpuEngine() });
    expect(measured).toMatchObject({ passed: true, withoutFloat64: null });
    expect(measured.withoutEngine).toContain('Could not find an implementation for Conv');
    expect(measured.outputs[0]).toMatchObject({ algebra: { maxAbs: 0 }, stored: { maxAbs: 0 }, run: null });
  });

  it('fails where the engine runs the source only', async () => {
    const source = blockSide({ weights: blockWeights() });
    const written = { ...source, bytes: source.bytes.subarray(0, 100) };
    await expect(certifyOnnx({ ...withItself(source), written, engine: cpuEngine() })).rejects.toThrow(
      CheckFailedError,
    );
  });

  it('takes inputs from a file, and what is not there from a seed', async () => {
    const source = await openOnnx(fixture('whisper_decoder'));
    const inputs = { file: fixture('whisper_decoder', 'golden.safetensors') };
    const measured = await certifyOnnx({ ...withItself(source), inputs, engine: cpuEngine() });
    expect(measured.inputs.map(({ shape, content }) => [shape, content])).toEqual([
      [[2, 10], 'given'],
      [[2, 12, 32], 'given'],
    ]);
    expect(measured.passed).toBe(true);
  });
});

function withItself(side: OnnxSide) {
  return { source: side, written: side, exact: () => undefined, rewritten: new Map(), norms: [] };
}
