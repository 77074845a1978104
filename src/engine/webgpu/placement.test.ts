import { describe, expect, test } from 'vitest';
import { RefusalError } from '../../core/errors.ts';
import { placementOf, refuseFallback, refuseWrongKernels } from './placement.ts';

const node = (name: string, opType: string, provider: 'WebGpu' | 'CPU', readsFloats = true, outputs = 1) => ({
  name,
  opType,
  provider: `${provider}ExecutionProvider`,
  readsFloats,
  outputs,
  calls: 1,
  totalMs: 1,
  minMs: 1,
});

test('placementOf counts operators per provider', () => {
  const nodes = [node('a', 'MatMul', 'WebGpu'), node('b', 'MatMul', 'WebGpu'), node('c', 'Reshape', 'CPU', false)];
  expect(placementOf(nodes)).toEqual({ WebGpuExecutionProvider: { MatMul: 2 }, CPUExecutionProvider: { Reshape: 1 } });
});

describe('refuseFallback', () => {
  test.each([
    'LayerNormalization',
    'SkipSimplifiedLayerNormalization',
    'MatMul',
    'FusedMatMul',
    // What a norm without an operator of its own is composed of.
    'ReduceMean',
    'Sqrt',
  ])('%s on the CPU is refused by its name', (opType) => {
    const nodes = [node('a', 'MatMul', 'WebGpu'), node('fallen_7', opType, 'CPU')];
    expect(() => refuseFallback(nodes)).toThrow(RefusalError);
    expect(() => refuseFallback(nodes)).toThrow(`on the CPU: ${opType} (fallen_7). `);
  });

  test('many are counted', () => {
    const nodes = Array.from({ length: 7 }, (_, i) => node(`n${i}`, 'MatMul', 'CPU'));
    expect(() => refuseFallback(nodes)).toThrow('MatMul (n4) and 2 more. ');
  });

  test('ids, shapes and the loss may lie on the CPU', () => {
    refuseFallback([
      node('a', 'MatMul', 'WebGpu'),
      node('b', 'Reshape', 'CPU', false),
      node('c', 'Cast', 'CPU', false),
      node('d', 'LogSoftmax', 'CPU'),
      node('e', 'OneHot', 'CPU'),
    ]);
  });
});

describe('refuseWrongKernels', () => {
  const rmsnorm = (provider: 'WebGpu' | 'CPU', outputs: number) =>
    node('norm_3', 'SimplifiedLayerNormalization', provider, true, outputs);

  test('the row statistics of RMSNorm on WebGPU are refused', () => {
    expect(() => refuseWrongKernels([rmsnorm('WebGpu', 2)])).toThrow(RefusalError);
    expect(() => refuseWrongKernels([rmsnorm('WebGpu', 2)])).toThrow('SimplifiedLayerNormalization (norm_3)');
  });

  test('RMSNorm without them, theirs on the CPU and those of LayerNorm are not', () => {
    refuseWrongKernels([rmsnorm('WebGpu', 1), rmsnorm('CPU', 2), node('a', 'LayerNormalization', 'WebGpu', true, 3)]);
  });
});
