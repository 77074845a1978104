import { describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../graph/index.ts';
import { exactResult } from './fixtures.fixture.ts';
import {
  type Described,
  embed,
  expectSame,
  external,
  head,
  int,
  ints,
  modelOf,
  node,
  norm,
  plan,
  tensor,
  whys,
  width,
} from './graphs.fixture.ts';
import { planOnnx } from './plan.ts';

describe('what an op of its own can’t centre', () => {
  it('a sum inside of a SkipLayerNormalization that others read, too', async () => {
    const nodes = [
      embed,
      node('MatMul', 'x W', 'f'),
      node('SkipLayerNormalization', 'x f g1 b1', 'n - - s', {}, 'com.microsoft'),
      node('MatMul', 's head', 'z'),
      norm('s', 'n2'),
      norm('s', 'n3'),
      node('Sum', 'n n2 n3', 't'),
      head('t'),
    ];
    const model = modelOf({ nodes, outputs: ['y', 'z'] });
    const planned = plan(model);
    expect(whys(planned)).toEqual([
      expect.stringContaining('MatMul "z" reads "s", and not as a norm does'),
      'converted',
      'converted',
    ]);
    await expectSame(model, planned);
  });

  it('integers, which are centred once they are floats', async () => {
    const nodes = [
      node('Gather', 'counts ids', 'i'),
      node('Cast', 'i', 'c', { to: int(1) }),
      node('Add', 'c b', 'x'),
      norm('x', 'n1'),
      norm('x', 'n2'),
      node('Add', 'n1 n2', 's'),
      head('s'),
    ];
    const counts = Array.from({ length: 5 * width }, (_, i) => (i * i) % 11);
    const model = modelOf({ nodes, initializers: [tensor('counts', [5, width], 'int64', counts)] });
    const planned = plan(model);
    expect(whys(planned)).toEqual(['converted', 'converted']);
    const { graph } = await exactResult({ external }, planned);
    expect(graph.nodes.slice(0, 4).map(({ opType }) => opType)).toEqual(['Gather', 'Cast', 'ReduceMean', 'Sub']);
    await expectSame(model, planned);
  });
});

describe('axes', () => {
  it('that are put in before the channels are none of theirs', async () => {
    const nodes = [embed, node('Unsqueeze', 'x axes', 'u'), norm('u', 'n'), head('n')];
    const model = modelOf({ nodes, initializers: [tensor('axes', [1], 'int64', [-2])] });
    const planned = plan(model);
    expect(whys(planned)).toEqual(['converted']);
    await expectSame(model, planned);
  });

  it('that come from a LayerScale keep it where it is', async () => {
    const nodes = [
      embed,
      node('Mul', 'x scale', 'm'),
      node('Transpose', 'm', 't', { perm: ints(1, 0, 2, 3) }),
      norm('t', 'n'),
      head('n'),
    ];
    const planned = plan(modelOf({ nodes, initializers: [tensor('scale', [1, 1, 1, width])] }));
    expect(whys(planned)).toEqual([expect.stringContaining('it adds axes as well')]);
  });

  it('that come from an ε keep the norm in single operations', () => {
    const nodes = [
      embed,
      node('ReduceMean', 'x', 'm', { axes: ints(-1) }),
      node('Sub', 'x m', 'c'),
      node('Mul', 'c c', 'sq'),
      node('ReduceMean', 'sq', 'v', { axes: ints(-1) }),
      node('Add', 'v eps', 've'),
      node('Sqrt', 've', 'sd'),
      node('Div', 'c sd', 'n'),
      head('n'),
    ];
    const of = (shape: readonly number[]) =>
      modelOf({ nodes, initializers: [tensor('eps', shape, 'float32', [1e-5])] });
    const formsOf = (model: OnnxModel) => [...planOnnx(model, { normOps: 'simplified', source: 'm' }).rewriting.forms];
    expect(formsOf(of([1, 1, 1, 1]))).toEqual([[0, 'inPlace']]);
    expect(formsOf(of([1]))).toEqual([[0, 'simplified']]);
  });

  it('that a caller can replace are not known', () => {
    const nodes = [embed, node('Tile', 'x repeats', 't'), norm('t', 'n'), head('n')];
    const model = (inputs: Described['inputs'] = {}) =>
      modelOf({ nodes, initializers: [tensor('repeats', [3], 'int64', [1, 1, 1])], inputs });
    expect(whys(plan(model()))).toEqual(['converted']);
    expect(whys(plan(model({ repeats: ['int64', [3]] })))).toEqual([
      expect.stringContaining('the shape of its input is not known'),
    ]);
  });
});
