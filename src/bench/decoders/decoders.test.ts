import { afterEach, describe, expect, test, vi } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { cpuEngine } from '../../engine/index.ts';
import type { OnnxModel } from '../../graph/index.ts';
import { countParameters, type DecoderSpec, familyOf, findPreset, presetSpec } from '../../models/index.ts';
import { clockEngine } from '../clock.fixture.ts';
import { withWeightFile } from '../weights.ts';
import { measuredLayers, withLayers } from './depth.ts';
import { timedDecoder } from './graph.ts';
import { benchDecoders } from './measure.ts';

const config = {
  ...findPreset('gpt2-small').config,
  n_layer: 6,
  n_embd: 32,
  n_head: 2,
  n_positions: 64,
  vocab_size: 999,
};
const spec = familyOf(config).parse(config, 'test');
const rms: DecoderSpec = {
  ...spec,
  norm: { ...spec.norm, kind: 'rmsnorm-bias' },
  finalNorm: { ...spec.norm, kind: 'rmsnorm-bias' },
};
const ofLayers = countParameters(spec) - countParameters(withLayers(spec, 0));

afterEach(() => {
  vi.restoreAllMocks();
});

describe('depth', () => {
  test('the layers that fit are at least one and at most all', () => {
    const found = [0, 1, 1.5, 3.99, 6, 100].map((layers) => measuredLayers(spec, (layers * ofLayers) / 6));
    expect(found).toEqual([1, 1, 1, 3, 6, 6]);
  });

  test.each(['gpt2-small', 'gpt3-175b', 'olmoe-1b-7b', 'gemma-2-2b'])(
    'fewer layers of %s are a decoder of their own',
    (id) => {
      const preset = findPreset(id);
      for (const layers of [0, 1]) {
        const shallow = withLayers(presetSpec(preset), layers);
        expect(() => timedDecoder({ name: id, spec: shallow }, { tokens: 4, cached: 0 }, options)).not.toThrow();
      }
    },
  );
});

const options = { like: new Map(), fusedTransposes: true };

/** How many layers an encoded model has, and how many symbols. */
function shapeOf({ graph }: OnnxModel): { readonly layers: number; readonly symbols: number } {
  const blocks = graph.initializers.flatMap(({ name }) => /^blocks\.(\d+)\./.exec(name)?.[1] ?? []);
  const table = graph.initializers.find(({ name }) => name === 'embedding.token.weight');
  return { layers: new Set(blocks).size, symbols: Number(table?.shape[0]) };
}

/** Milliseconds that are linear in what a decoder does, a layer with RMSNorm taking 3/4 of one with LayerNorm. */
function clock() {
  return clockEngine(
    (model) => {
      const { layers, symbols } = shapeOf(model);
      const isRms = model.graph.nodes.some(({ opType }) => opType === 'SimplifiedLayerNormalization');
      return `${layers} ${symbols} ${isRms ? 3 : 4}`;
    },
    (name) => {
      const [layers = 0, symbols = 0, layer = 0] = name.split(' ').map(Number);
      return 1 + layers * layer + symbols / 1000;
    },
  );
}

describe('benchDecoders', () => {
  const request = {
    variants: [
      { name: 'a', spec },
      { name: 'b', spec: rms },
    ] as const,
    comparisons: [{ variant: 'b', relativeTo: 'a' }],
    workloads: [
      { tokens: 8, cached: 0 },
      { tokens: 1, cached: 8 },
    ],
    seconds: 0.01,
  };

  test('composes of two layers what all six take, and says so', async () => {
    const { engine, live, created } = clock();
    const result = await benchDecoders({ ...request, engine, layerParameters: ofLayers / 3 });
    expect(result).toMatchObject({ layers: 2, replicates: 4 });
    expect(result.composed).toContain('6 / 2 × what the first 2 of the 6 layers take');
    expect(new Set(created)).toEqual(new Set(['2 256 4', '0 256 4', '0 999 4', '2 256 3', '0 256 3', '0 999 3']));
    for (const { milliseconds, ratios } of result.workloads) {
      expect(milliseconds.get('a')).toBeCloseTo(1 + 6 * 4 + 0.999, 9);
      expect(milliseconds.get('b')).toBeCloseTo(1 + 6 * 3 + 0.999, 9);
      expect(ratios[0]?.ratio).toBeCloseTo(19.999 / 25.999, 9);
    }
    expect(live.now).toBe(0);
  });

  test('runs all layers where they are few', async () => {
    const { engine, created } = clock();
    const result = await benchDecoders({ ...request, engine });
    expect(new Set(created)).toEqual(new Set(['6 999 4', '6 999 3']));
    expect(result.composed).toContain('All 6 layers were run');
    expect(result.workloads[0]?.milliseconds.get('a')).toBeCloseTo(25.999, 9);
  });

  test('refuses what it was not given', async () => {
    const unknown = { ...request, comparisons: [{ variant: 'c', relativeTo: 'a' }] };
    await expect(benchDecoders(unknown)).rejects.toThrow(InputError);
    const [first] = request.variants;
    await expect(benchDecoders({ ...request, variants: [first, first] })).rejects.toThrow('the same name');
  });

  test('refuses what doesn’t fit in memory before it makes a session', async () => {
    const { engine, created } = clock();
    vi.spyOn(process, 'availableMemory').mockReturnValue(2 ** 16);
    await expect(benchDecoders({ ...request, engine })).rejects.toThrow(
      /needs about .* of memory .* Take fewer tokens/,
    );
    expect(created).toEqual([]);
  });

  test('stops when it is told to, and leaves no sessions', async () => {
    const { engine, live } = clock();
    const stopped = benchDecoders({ ...request, engine, signal: AbortSignal.abort(new Error('stopped')) });
    await expect(stopped).rejects.toThrow('stopped');
    expect(live.now).toBe(0);
  });

  test('runs on the engine, for a prompt and for one more token', async () => {
    const result = await benchDecoders({ ...request, layerParameters: ofLayers / 6, seconds: 0.05 });
    for (const { milliseconds, ratios } of result.workloads) {
      expect([...milliseconds.values()].every((value) => value > 0)).toBe(true);
      expect(ratios[0]?.ci[0]).toBeLessThanOrEqual(ratios[0]?.ratio ?? 0);
    }
  });
});

describe('plain norms', () => {
  test.each([
    ['LayerNorm', spec],
    ['RMSNorm', rms],
  ])('%s stays without fused operators in the engine, which has them otherwise', async (_, variant) => {
    const workload = { tokens: 4, cached: 4 };
    for (const plainNorms of [true, false]) {
      const decoder = timedDecoder({ name: 'x', spec: variant, plainNorms }, workload, options);
      const elements = 2 ** 18;
      await withWeightFile(elements, async (file) => {
        const { bytes, feeds } = decoder.model(file.tensors(decoder.weights));
        const session = await cpuEngine().createSession(bytes, {
          prepacking: false,
          profile: true,
          externalDataFolder: file.folder,
        });
        await session.run(feeds);
        const { nodes } = await session.profile();
        await session.release();
        expect(nodes.some(({ opType }) => opType.endsWith('LayerNormalization'))).toBe(!plainNorms);
      });
    }
  });
});
