import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Dim } from '../../../core/shape.ts';
import { decodeModel } from '../decode.ts';
import { evaluateOnnx } from '../evaluate/index.ts';
import { exportedRoot, recorded } from '../recorded.fixture.ts';
import type { OnnxModel, OnnxNode } from '../types.ts';
import { inferShapes } from './index.ts';

/** Lengths of symbols, found as they are met; a symbol that is met twice must be the same. */
function lengths() {
  const known = new Map<string, number>();
  return (dim: Dim, actual: number): boolean => {
    if (typeof dim === 'number') return dim === actual;
    const parts = dim.split('*').map((part) => (/^\d+$/.test(part) ? Number(part) : known.get(part)));
    if (parts.every((part) => part !== undefined)) return parts.reduce((a, b) => a * b, 1) === actual;
    if (!dim.includes('*')) known.set(dim, actual);
    return true;
  };
}

it.each(['bert', 'clip_text', 'dinov2', 'gpt2_with_past', 't5', 'vit_dynamo', 'whisper_encoder'])(
  '%s: what is inferred is so when it runs',
  async (name) => {
    const model = decodeModel(readFileSync(new URL(`${name}/model.onnx`, exportedRoot)), name);
    const { valueInfos: _, ...graph } = model.graph;
    const inferred = inferShapes(graph, model.opsetImports.find(({ domain }) => domain === '')?.version ?? 0);
    const names = graph.nodes.flatMap(({ outputs }) => outputs.filter((value) => value !== ''));
    const inputs = await recorded(name);
    const values = evaluateOnnx(model, inputs, { outputs: names });
    const fits = lengths();
    for (const { name: input, shape } of graph.inputs) {
      for (const [i, dim] of shape.entries()) fits(dim, inputs[input]?.shape[i] ?? 0);
    }
    let ranks = 0;
    for (const [value, { shape, data }] of values) {
      const known = inferred.shape(value);
      if (known === undefined) continue;
      ranks += 1;
      expect([value, known.length]).toEqual([value, shape.length]);
      for (const [i, dim] of known.entries())
        expect([value, dim, fits(dim, shape[i] ?? -1)]).toEqual([value, dim, true]);
      for (const [i, dim] of (inferred.contents(value) ?? []).entries()) {
        if (typeof dim === 'number' || !dim.includes('!')) {
          expect([value, dim, fits(dim, data[i] ?? -1)]).toEqual([value, dim, true]);
        }
      }
    }
    expect(ranks / names.length).toBeGreaterThan(0.97);
  },
);

const node = (opType: string, inputs: readonly string[], output: string, rest: Partial<OnnxNode> = {}): OnnxNode => ({
  opType,
  inputs,
  outputs: [output],
  ...rest,
});

function shapesOf(nodes: readonly OnnxNode[], shape: readonly Dim[]) {
  const graph: OnnxModel['graph'] = {
    name: 'g',
    nodes,
    inputs: [{ name: 'x', dtype: 'float32', shape }],
    outputs: [],
    initializers: [],
  };
  return inferShapes(graph, 18);
}

it('does not take a -1 of unknown origin for a length', () => {
  const shapes = shapesOf(
    [
      node('Reshape', ['x', 'somewhere'], 'a'),
      node('Shape', ['x'], 's'),
      node('ReduceSum', ['s'], 'total', { attributes: { keepdims: { kind: 'int', value: 1 } } }),
      node('Concat', ['total', 's'], 'target', { attributes: { axis: { kind: 'int', value: 0 } } }),
      node('Reshape', ['x', 'target'], 'b'),
    ],
    ['n', 4],
  );
  expect(shapes.shape('a')).toBeUndefined();
  expect(shapes.contents('target')).toEqual([expect.stringMatching(/^!/), 'n', 4]);
  expect(shapes.shape('b')).toEqual([expect.stringMatching(/^\?/), 'n', 4]);
});

it('stays small where a length is squared again and again', () => {
  const squares = Array.from({ length: 200 }, (_, i) => node('Mul', [`s${i}`, `s${i}`], `s${i + 1}`));
  const shapes = shapesOf([node('Shape', ['x'], 's0'), ...squares], ['n', 'm']);
  expect(String(shapes.contents('s200')).length).toBeLessThan(300);
});
