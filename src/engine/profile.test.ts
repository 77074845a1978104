import { describe, expect, it } from 'vitest';
import { summarizeProfile } from './profile.ts';

const cpu = 'CPUExecutionProvider';
const node = (name: string, opType: string, dur: number, provider = cpu) => ({
  cat: 'Node',
  name: `${name}_kernel_time`,
  dur,
  args: { op_name: opType, provider, input_type_shape: [{ float: [2, 3] }], output_type_shape: [{ float: [2] }] },
});

describe('summarizeProfile', () => {
  const events = [
    { cat: 'Session', pid: 7, tid: 7, dur: 900, ts: 0, ph: 'X', name: 'session_initialization', args: {} },
    { cat: 'Session', dur: 1500, name: 'model_run', args: {} },
    node('a', 'MatMul', 300),
    node('b', 'Add', 40),
    { cat: 'Node', name: 'a_fence_before', dur: 5000, args: { op_name: 'MatMul' } },
    { cat: 'Session', dur: 2000, name: 'model_run', args: {} },
    node('a', 'MatMul', 100),
    node('c', 'Add', 1000),
    node('d', 'Add', 10, 'WebGpuExecutionProvider'),
  ];
  const summary = summarizeProfile(JSON.stringify(events));

  it('sums up runs', () => {
    expect(summary).toMatchObject({ runs: 2, totalMs: 3.5, truncated: false });
  });

  it('sums up nodes, longest first', () => {
    expect(summary.nodes).toEqual([
      { name: 'c', opType: 'Add', provider: cpu, readsFloats: true, outputs: 1, calls: 1, totalMs: 1, minMs: 1 },
      { name: 'a', opType: 'MatMul', provider: cpu, readsFloats: true, outputs: 1, calls: 2, totalMs: 0.4, minMs: 0.1 },
      { name: 'b', opType: 'Add', provider: cpu, readsFloats: true, outputs: 1, calls: 1, totalMs: 0.04, minMs: 0.04 },
      {
        name: 'd',
        opType: 'Add',
        provider: 'WebGpuExecutionProvider',
        readsFloats: true,
        outputs: 1,
        calls: 1,
        totalMs: 0.01,
        minMs: 0.01,
      },
    ]);
  });

  it.each([
    ['float', true],
    ['float16', true],
    ['bfloat16', true],
    ['double', true],
    ['int64', false],
    ['bool', false],
  ])('knows whether %s tensors are read: %s', (type, readsFloats) => {
    const { nodes } = summarizeProfile(
      JSON.stringify([
        {
          cat: 'Node',
          name: 'cast_kernel_time',
          args: {
            op_name: 'Cast',
            provider: cpu,
            input_type_shape: [{ [type]: [2] }],
            output_type_shape: [{ float: [2] }],
          },
        },
      ]),
    );
    expect(nodes).toMatchObject([{ name: 'cast', readsFloats }]);
  });

  it('sums up operator types and providers', () => {
    expect(summary.ops).toEqual([
      { opType: 'Add', provider: cpu, calls: 2, totalMs: 1.04, minMs: 0.04 },
      { opType: 'MatMul', provider: cpu, calls: 2, totalMs: 0.4, minMs: 0.1 },
      { opType: 'Add', provider: 'WebGpuExecutionProvider', calls: 1, totalMs: 0.01, minMs: 0.01 },
    ]);
    expect(summary.providers[cpu]).toBeCloseTo(1.44, 12);
    expect(summary.providers.WebGpuExecutionProvider).toBeCloseTo(0.01, 12);
  });

  it('refuses what is not a profile', () => {
    expect(() => summarizeProfile('{}')).toThrow();
    expect(() => summarizeProfile('[{"dur": "long"}]')).toThrow();
  });
});
