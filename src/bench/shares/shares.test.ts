import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { OnnxModel } from '../../graph/index.ts';
import { countParameters } from '../../models/index.ts';
import { normKind } from '../../norms/index.ts';
import { clockEngine } from '../clock.fixture.ts';
import { withWeightFile } from '../weights.ts';
import { composeSeconds } from './compose.ts';
import { blockGraph } from './graphs.ts';
import { benchShares } from './measure.ts';
import { bytesNeeded } from './memory.ts';
import { blockSpec, gptSize, gptSizes } from './sizes.ts';

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

/** Which part of a model this is. */
function partOf({ graph: { inputs, nodes, initializers } }: OnnxModel): string {
  const has = (opType: string) => nodes.some((node) => node.opType === opType);
  const kind = has('LayerNormalization') ? 'layernorm' : has('SimplifiedLayerNormalization') ? 'rmsnorm' : 'none';
  if (inputs[0]?.name === 'input_ids') return has('MatMul') || has('Gemm') ? `block ${kind}` : 'embedding';
  if (initializers.some(({ name }) => name === 'head.weight')) return 'head';
  return inputs[0]?.shape.length === 3 ? `final norm ${kind}` : 'peak';
}

/** Milliseconds of each part, in each replicate where they differ. */
const times: Readonly<Record<string, number | readonly number[]>> = {
  peak: 1000,
  embedding: 1,
  head: 1,
  'block layernorm': 11,
  'block none': [9.5, 9.9, 9.6, 9.8],
  'block rmsnorm': [10.6, 11.3, 10.7, 11.2],
  'final norm layernorm': 2,
  'final norm none': 0.5,
  'final norm rmsnorm': 1,
};

describe('benchShares', () => {
  const options = { sizes: [tiny], norms: ['rmsnorm'], tokens: 8, vocabularySize: 250, threads: 1 } as const;
  const clock = (factor = 1) =>
    clockEngine(partOf, (name, creation) => {
      const time = times[name] ?? Number.NaN;
      return factor * (typeof time === 'number' ? time : (time[creation] ?? Number.NaN));
    });
  const weightFolders = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`normlab-bench-${process.pid}-`));
  const isolated = (isPart: (name: string) => boolean, value: number) =>
    clockEngine(partOf, (name) => (isPart(name) ? value : 1));

  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('gives the shares and intervals of known times', async () => {
    const { engine, options: given, live } = clock();
    const fractions: number[] = [];
    const { shares, parts, matmulGflops } = await benchShares({
      ...options,
      engine,
      seconds: 4,
      onProgress: ({ fraction }) => fractions.push(fraction),
    });
    expect(matmulGflops).toBeCloseTo(2 * 1.024 ** 3, 9);

    // 3 blocks − 2 embeddings + the final norm + 250/32 of the head, in ms; t = 3.182446305284263 of three degrees of
    // freedom. LayerNorm 40.3125; none 34.3125, 35.5125, 34.6125, 35.2125; RMSNorm 38.1125, 40.2125, 38.4125, 39.9125.
    const close = (value: number) => expect.closeTo(value, 9);
    expect(shares[0]?.norms).toEqual([
      { norm: 'layernorm', milliseconds: close(40.3125), relativeToLayerNorm: 1, ci: [1, 1] },
      {
        norm: 'none',
        milliseconds: close(34.9125),
        relativeToLayerNorm: close(0.8659665712275822),
        ci: [close(0.8446144114512172), close(0.887858521375665)],
      },
      {
        norm: 'rmsnorm',
        milliseconds: close(39.1625),
        relativeToLayerNorm: close(0.9712091649810141),
        ci: [close(0.9305029630962501), close(1.0136961187146163)],
      },
    ]);
    expect(shares[0]?.normShare).toEqual({
      value: close(1 - 0.8659665712275822),
      ci: [close(1 - 0.887858521375665), close(1 - 0.8446144114512172)],
    });
    // A round of all nine parts takes about 37 ms, and each of four replicates a second.
    expect(parts).toEqual([
      {
        size: 'Tiny',
        replicates: 4,
        rounds: expect.toSatisfy((rounds: number) => rounds >= 4 * 20 && rounds <= 4 * 28),
        embedding: close(1),
        headSlice: close(1),
        headSlices: 250 / 32,
        norms: [
          { norm: 'layernorm', block: close(10), finalNorm: close(1.5) },
          { norm: 'none', block: close(8.7), finalNorm: close(0) },
          { norm: 'rmsnorm', block: close(9.95), finalNorm: close(0.5) },
        ],
      },
    ]);

    expect(live).toEqual({ now: 0, most: 8 });
    const folders = given.map((entry) => entry?.externalDataFolder).filter((folder) => folder !== undefined);
    expect(folders).toHaveLength(4 * 8);
    expect(new Set(folders).size).toBe(1);
    expect(weightFolders()).toEqual([]);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect([fractions[0], fractions.at(-1)]).toEqual([0, 1]);
  });

  test('norms that slow nothing down have a negative share where others were faster', async () => {
    const { engine } = isolated((name) => name === 'block none', 1.2);
    const { shares } = await benchShares({ ...options, engine, seconds: 0.01 });
    expect(shares[0]?.normShare.value).toBeLessThan(0);
  });

  test('refuses blocks that take no longer than the embeddings', async () => {
    const { engine } = isolated((name) => name === 'embedding', 20);
    await expect(benchShares({ ...options, engine, seconds: 0.01 })).rejects.toThrow(/Tiny is too small.*more tokens/);
  });

  test('an abort in a later replicate ends it, with nothing left behind', async () => {
    const { engine, live } = clock();
    const controller = new AbortController();
    const reason = new Error('enough');
    const work = benchShares({
      ...options,
      engine,
      seconds: 1,
      signal: controller.signal,
      onProgress: ({ fraction }) => {
        if (fraction > 0.6) controller.abort(reason);
      },
    });
    await expect(work).rejects.toBe(reason);
    expect(live).toEqual({ now: 0, most: 8 });
    expect(weightFolders()).toEqual([]);
  });

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
    expect(weightFolders()).toEqual([]);
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
