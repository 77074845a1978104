import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../core/random.ts';
import { countParameters } from '../../models/index.ts';
import { normKind } from '../../norms/index.ts';
import { composeSeconds, savedShare } from './compose.ts';
import { blockGraph } from './graphs.ts';
import { benchShares } from './measure.ts';
import { bytesNeeded } from './memory.ts';
import { blockSpec, gptSize, gptSizes } from './sizes.ts';
import { withWeightFile } from './weights.ts';

const tiny = { id: 'tiny', name: 'Tiny', layers: 3, hiddenSize: 32, heads: 2 };

describe('composition', () => {
  const rounds = (...seconds: number[]) => Float64Array.from(seconds);

  test('is layers × block, embeddings, final norm, and the head scaled up from its slice', () => {
    const seconds = composeSeconds(
      {
        embedding: rounds(1, 2, 3),
        embeddingAndBlock: rounds(12, 22, 32),
        finalNorm: rounds(5, 5, 5),
        noFinalNorm: rounds(1, 1, 1),
        headSlice: rounds(7, 8, 9),
      },
      { layers: 10, headSlices: 2 },
    );
    expect([...seconds]).toEqual([10 * 10 + 2 + 4 + 14, 10 * 20 + 2 + 4 + 16, 10 * 30 + 2 + 4 + 18]);
  });

  test('the share is what removal saves, and what slows a whole round down cancels', () => {
    const slow = [1, 3, 1, 2, 1, 5];
    const share = savedShare(rounds(...slow.map((f) => 10 * f)), rounds(...slow.map((f) => 8 * f)), createRandom(1));
    expect(share.value).toBeCloseTo(0.2, 12);
    expect(share.ci[0]).toBeCloseTo(0.2, 12);
    expect(share.ci[1]).toBeCloseTo(0.2, 12);
  });

  test('a removal that takes longer is a negative share, with its interval in order', () => {
    const { value, ci } = savedShare(rounds(10, 10, 10, 10, 10), rounds(10, 11, 12, 11, 12), createRandom(1));
    expect(value).toBeCloseTo(-0.1, 12);
    expect(ci[0]).toBeLessThanOrEqual(value);
    expect(ci[1]).toBeGreaterThanOrEqual(value);
  });
});

describe('sizes', () => {
  // 12·layers·d² of the blocks: 85M, 302M, 679M, 1.2G, which with the embeddings are GPT-3's 125M, 350M, 760M, 1.3B.
  test.each([
    ['small', 125e6],
    ['medium', 350e6],
    ['large', 760e6],
    ['xl', 1300e6],
  ])('%s has the published number of parameters', (id, published) => {
    const size = gptSize(id);
    const spec = blockSpec(size, normKind('layernorm'), 2048, 50257);
    const model = { ...spec, numLayers: size.layers, finalNorm: spec.norm, tiedHead: true };
    expect(Math.abs(countParameters(model) / published - 1)).toBeLessThan(0.02);
    expect(size.hiddenSize % size.heads).toBe(0);
  });

  test('names are found in any case, and others refused with the nearest', () => {
    expect(gptSize('XL').hiddenSize).toBe(2048);
    expect(() => gptSize('smal')).toThrow(/did you mean "small"/);
  });

  test("CRMSNorm's stream is one narrower", () => {
    const pass = { batch: 1, tokens: 8, embeddingRows: 50, headColumns: 20 };
    const { weights } = blockGraph(tiny, normKind('crmsnorm'), pass);
    expect(weights.get('embedding.token.weight')).toEqual([50, 31]);
    expect(weights.get('blocks.0.attention.qkv.weight')).toEqual([31, 96]);
    expect(weights.get('blocks.0.mlp.down.weight')).toEqual([128, 31]);
    expect([...weights.keys()].filter((name) => name.startsWith('head') || name.includes('norm'))).toEqual([]);
  });
});

describe('memory', () => {
  test('the largest size with four norms takes less than 2 GiB', () => {
    const pass = { batch: 1, tokens: 512, embeddingRows: 1024, headColumns: 6283 };
    for (const size of gptSizes) expect(bytesNeeded(size, 4, pass)).toBeLessThan(2 ** 31);
  });

  test('weights lie in a file of ordinary numbers that is gone afterwards', async () => {
    const folder = await withWeightFile(1_500_000, async (file) => {
      const bytes = await readFile(join(file.folder, 'weights.bin'));
      const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      expect(values).toHaveLength(1_500_000);
      expect(values.every((value) => Math.abs(value) <= 0.035)).toBe(true);
      expect(Math.hypot(...values.subarray(0, 10_000)) / 100).toBeCloseTo(0.02, 2);
      const tensors = file.tensors(
        new Map([
          ['a', [3, 5]],
          ['b', [7]],
        ]),
      );
      expect([...tensors.values()].map(({ external }) => external)).toEqual([
        { location: 'weights.bin', offset: 0, length: 60 },
        { location: 'weights.bin', offset: 60, length: 28 },
      ]);
      expect(() => file.tensors(new Map([['a', [1_500_001]]]))).toThrow(/the file has/);
      return file.folder;
    });
    expect(existsSync(folder)).toBe(false);
  });
});

describe('benchShares', () => {
  test('composes every norm, and nothing is left behind', async () => {
    const result = await benchShares({
      sizes: [tiny],
      norms: ['crmsnorm'],
      tokens: 48,
      batch: 2,
      vocabularySize: 250,
      threads: 1,
      seconds: 0.01,
    });
    const [share] = result.shares;
    expect(share?.norms.map(({ norm }) => norm)).toEqual(['layernorm', 'none', 'crmsnorm']);
    expect(share).toMatchObject({ size: 'Tiny', layers: 3, hiddenSize: 32, batch: 2, tokens: 48 });
    expect(share?.composed).toMatch(/^Composed.*3 × one measured block/);
    for (const { milliseconds, relativeToLayerNorm, ci } of share?.norms ?? []) {
      expect(milliseconds).toBeGreaterThan(0);
      expect(ci[0]).toBeLessThanOrEqual(relativeToLayerNorm);
      expect(ci[1]).toBeGreaterThanOrEqual(relativeToLayerNorm);
    }
    expect(share?.normShare.value).toBeCloseTo(1 - (share?.norms[1]?.relativeToLayerNorm ?? Number.NaN), 12);
    expect(result.matmulGflops).toBeGreaterThan(0);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`normlab-bench-${process.pid}-`))).toEqual([]);
  });

  test.each([
    [{ sizes: ['smal'] }, /did you mean "small"/],
    [{ norms: ['foo'] }, /there is no norm "foo"/],
    [{ tokens: 0 }, /tokens is 0/],
    [{ batch: -1 }, /batch is -1/],
    [{ sizes: [{ ...tiny, heads: 3 }] }, /3 heads do not divide/],
    [{ tokens: 2 ** 20 }, /needs about .* GiB of memory/],
  ])('refuses %j', async (options, message) => {
    await expect(benchShares(options)).rejects.toThrow(message);
  });
});
