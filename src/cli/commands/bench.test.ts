import { describe, expect, test } from 'vitest';
import type { NormBenchmark, ShareBenchmark } from '../../bench/index.ts';
import { capture } from '../capture.fixture.ts';
import { normsText } from './bench-norms.ts';
import { paperFigure, sharesJson, sharesText } from './bench-shares.ts';

const norms: NormBenchmark = {
  runtimeLabel: 'ONNX Runtime 1.0.0 on CPU, 2 threads',
  copyGigabytesPerSecond: 20,
  ops: [
    {
      norm: 'crmsnorm',
      direction: 'forward',
      rows: 16,
      width: 64,
      microseconds: 12.345,
      gigabytesPerSecond: 5,
      fractionOfCopy: 0.25,
      ratioToLayerNorm: { ratio: 1.5, ci: [1.4, 1.6] },
    },
  ],
  rotations: [
    {
      rows: 16,
      width: 64,
      direction: 'forward',
      replicates: 6,
      rounds: 70,
      chainLength: 16,
      emptyRunMicroseconds: 11,
      scaleMicroseconds: 2,
      scaleGigabytesPerSecond: 40,
    },
  ],
  lowerings: [
    { norm: 'crmsnorm', direction: 'forward', operators: ['SimplifiedLayerNormalization', 'Mul', 'Mul'], fused: false },
  ],
};

const shares: ShareBenchmark = {
  runtimeLabel: 'ONNX Runtime 1.0.0 on CPU, 2 threads',
  matmulGflops: 180,
  shares: [
    {
      size: 'Small',
      layers: 12,
      hiddenSize: 768,
      batch: 1,
      tokens: 512,
      norms: [
        { norm: 'layernorm', milliseconds: 700, relativeToLayerNorm: 1, ci: [1, 1] },
        { norm: 'none', milliseconds: 679, relativeToLayerNorm: 0.97, ci: [0.96, 0.98] },
        { norm: 'dyt', milliseconds: 714, relativeToLayerNorm: 1.02, ci: [1.01, 1.03] },
      ],
      normShare: { value: 0.03, ci: [0.02, 0.04] },
      composed: 'Composed.',
    },
  ],
  parts: [{ size: 'Small', replicates: 4, rounds: 30, embedding: 0.5, headSlice: 25, headSlices: 8, norms: [] }],
  peakResidentBytes: 2 ** 30,
};

describe('tables', () => {
  test('of norms say what was measured, and that kernels are compared', () => {
    const text = normsText(norms);
    expect(text).toMatch(/16×64 float32, forward: 70 interleaved rounds of 16 applications, sessions created 6 times/);
    expect(text).toMatch(
      /crmsnorm +12\.3 +1\.50 +1\.40 … 1\.60 +5\.00 +25 % +composed of 3: SimplifiedLayerNormalization, Mul\n/,
    );
    expect(text).toMatch(/none +0 +0 /);
    expect(text).toMatch(/fused natively are none of these/);
    expect(text).toMatch(/95 % interval: Student's, over the times that all sessions were created/);
    expect(text).toMatch(/a statement about this runtime/);
  });

  test('of shares stand beside the paper where it has a figure', () => {
    const text = sharesText(shares);
    expect(text).toMatch(/none +679\.0 +0\.970 +0\.960 … 0\.980 +0\.86\n/);
    expect(text).toMatch(/dyt +714\.0 +1\.020 +1\.010 … 1\.030 +–\n/);
    expect(text).toMatch(
      /saves 3\.0 % of the LayerNorm model's time \(95 % interval 2\.0 % … 4\.0 %\) at batch 1, 512 tokens; Jiang et al\.: 14\.0 %/,
    );
    expect(text).toMatch(/Rounds: Small 30 in 4 replicates\./);
    expect(text).toMatch(/95 % interval: Student's, over the times that all sessions were created/);
    expect(text).toMatch(/2305\.14858\), Fig\. 5/);
    expect(paperFigure('Tiny', 'none')).toBeUndefined();
    expect(JSON.parse(sharesJson(shares))).toMatchObject({
      matmulGflops: 180,
      paper: { readOffUncertainty: 0.01, figures: [{ size: 'Small', withoutNorm: 0.86 }] },
    });
  });
});

test('a small run prints its result as JSON on stdout and its progress on stderr', async () => {
  const args = [
    '--sizes',
    'small',
    '--tokens',
    '2',
    '--threads',
    '1',
    '--seconds',
    '0.01',
    '--norms',
    'none',
    '--json',
  ];
  const { code, stdout, stderr } = await capture('bench', 'shares', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^bench: Small · 0 %/) });
  const result = JSON.parse(stdout);
  expect(result.shares[0].norms.map(({ norm }: { norm: string }) => norm)).toEqual(['layernorm', 'none']);
  expect(result.paper.figures).toHaveLength(1);
});

test.each([
  [['norms', '--norms', 'rmsnrm'], /Did you mean rmsnorm/],
  [['norms', '--rows', '0'], /Expected a whole number from 1/],
  [['norms', '--width', '64,,128'], /Expected whole numbers with commas/],
  [['norms', '--width', '64,x'], /Expected a whole number from 1/],
  [['norms', '--seconds', '0'], /seconds is 0/],
  [['norms', '--rows', '1000000000', '--width', '4096'], /GiB of memory/],
  [['shares', '--sizes', 'smal'], /did you mean "small"/],
  [['shares', '--tokens', '-1'], /Expected a whole number from 1/],
  [['shares', '--tokens', '1000000'], /GiB of memory/],
  [['shares', '--threads', '100000'], /Expected at most 256 threads/],
  [['norm'], /Did you mean norms/],
])('bench %j is refused in one line', async (args, message) => {
  const { code, stdout, stderr } = await capture('bench', ...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^normlab: .+\n$/);
  expect(stderr).toMatch(message);
});
