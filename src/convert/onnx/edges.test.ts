import { describe, expect, it } from 'vitest';
import { cpuEngine } from '../../engine/index.ts';
import { encodeModel, type OnnxModel } from '../../graph/index.ts';
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
import { reportOf } from './report.ts';

describe('norms', () => {
  it('that add first become their sibling without the mean', async () => {
    const skip = node('SkipLayerNormalization', 'x f g1 b1 b', 'n - - s', {}, 'com.microsoft');
    const nodes = [
      embed,
      node('LayerNormalization', 'x g2 b2', 'n0'),
      node('MatMul', 'n0 W', 'f'),
      skip,
      node('MatMul', 'n W', 'f2'),
      node('SkipLayerNormalization', 's f2 g2 b2', 'n2', {}, 'com.microsoft'),
      head('n2'),
    ];
    const model = modelOf({ nodes });
    const planned = plan(model);
    expect(whys(planned)).toEqual(['converted', 'converted', 'converted']);
    const { graph } = await exactResult({ external }, planned);
    expect(graph.nodes.map(({ opType }) => opType)).toEqual([
      'Gather',
      'SimplifiedLayerNormalization',
      'Add',
      'MatMul',
      'SkipSimplifiedLayerNormalization',
      'Add',
      'MatMul',
      'SkipSimplifiedLayerNormalization',
      'Add',
      'MatMul',
    ]);
    await expectSame(model, planned);
    // The engine takes it, too.
    await (await cpuEngine().createSession(encodeModel({ ...model, graph }))).release();
  });

  it('behind images become free in the convolution that makes them', async () => {
    const nodes = [
      node('Conv', 'image kernel b', 'c', { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
      node('Reshape', 'c flat', 'r'),
      node('Transpose', 'r', 't', { perm: ints(0, 2, 1) }),
      node('Add', 't positions', 'x'),
      norm('x', 'n'),
      head('n'),
    ];
    const initializers = [
      tensor('kernel', [width, 3, 2, 2]),
      tensor('flat', [3], 'int64', [0, width, -1]),
      tensor('positions', [1, 4, width]),
    ];
    const model = modelOf({ nodes, initializers, inputs: { image: ['float32', ['batch', 3, 4, 4]] } });
    const planned = plan(model);
    expect(reportOf(planned).centred.map(({ tensor: name, axis }) => [name, axis])).toEqual([
      ['positions', 2],
      ['kernel', 0],
      ['b', 0],
    ]);
    const data = Float64Array.from({ length: 2 * 3 * 16 }, (_, i) => Math.sin(i));
    await expectSame(model, planned, { image: { dtype: 'float', shape: [2, 3, 4, 4], data } });
  });

  it('of single operations keep their casts, and lose their mean alone', async () => {
    const nodes = [
      embed,
      node('ReduceMean', 'x', 'm', { axes: ints(-1) }),
      node('Sub', 'x m', 'c'),
      node('Cast', 'c', 'cd', { to: int(11) }),
      node('Pow', 'cd two', 'sq'),
      node('ReduceMean', 'sq', 'v', { axes: ints(-1) }),
      node('Add', 'v eps', 've'),
      node('Sqrt', 've', 'sd'),
      node('Div', 'cd sd', 'u'),
      node('Cast', 'u', 'uf', { to: int(1) }),
      node('Mul', 'uf g1', 'n'),
      head('n'),
    ];
    const initializers = [tensor('two', [], 'float64', [2]), tensor('eps', [], 'float64', [1e-5])];
    const model = modelOf({ nodes, initializers });
    const planned = plan(model);
    expect(reportOf(planned).norms).toMatchObject([{ outcome: 'converted', form: 'inPlace', epsilon: 1e-5, width }]);
    const { graph } = await exactResult({ external }, planned);
    expect(graph.nodes.map(({ opType }) => opType)).toEqual(
      nodes.map(({ opType }) => opType).filter((opType, i) => i !== 1 && opType !== 'Sub'),
    );
    await expectSame(model, planned);
  });

  it('whose statistics are read, that are of another axis or of several, stay', () => {
    const nodes = [
      embed,
      node('LayerNormalization', 'x g1 b1', 'n m'),
      node('LayerNormalization', 'x scale2', 'n2', { axis: int(1) }),
      node('Add', 'n m', 'a'),
      node('Add', 'a n2', 's'),
      head('s'),
    ];
    const planned = plan(modelOf({ nodes, initializers: [tensor('scale2', [3, width])] }));
    expect(whys(planned)).toEqual(
      [
        'it normalizes over more than the last axis, or over axes that are not known',
        'the mean that it found is read as well',
      ].reverse(),
    );
    expect(planned.rewriting.centred).toEqual([]);
  });

  it('that read their input as their weight too see its mean', () => {
    const nodes = [node('MatMul', 'v W', 'x'), node('LayerNormalization', 'x x', 'n'), head('n')];
    const planned = plan(modelOf({ nodes, inputs: { v: ['float32', [width]] } }));
    expect(whys(planned)).toEqual([expect.stringContaining('reads "x", and not as a norm does')]);
  });
});

describe('what is in the way', () => {
  it.each<[string, Described, RegExp]>([
    [
      'a subgraph',
      {
        nodes: [
          embed,
          norm('x', 'n'),
          node('If', 'flag', 'o', {
            then_branch: { kind: 'graph', value: branch('x') },
            else_branch: { kind: 'graph', value: branch('n') },
          }),
          head('o'),
        ],
        inputs: { flag: ['bool', []] },
      },
      /^"x" is read in a subgraph of If "o"; an explicit op would free this norm alone$/,
    ],
    [
      'an initializer that a caller may replace',
      { nodes: [embed, norm('x', 'n'), head('n')], inputs: { table: ['float32', [5, width]] } },
      /^"table" is an input of the model/,
    ],
    [
      'a quantized weight',
      {
        nodes: [
          node('DequantizeLinear', 'quantized step', 'weight'),
          node('MatMul', 'v weight', 'x'),
          norm('x', 'n'),
          head('n'),
        ],
        initializers: [
          tensor('quantized', [4, width], 'int8', Array(4 * width).fill(3)),
          tensor('step', [], 'float32', [1]),
        ],
        inputs: { v: ['float32', [2, 3, 4]] },
      },
      /^DequantizeLinear "weight" gives it a mean: it is not linear; an explicit op would free this norm alone$/,
    ],
    [
      'groups of channels',
      {
        nodes: [
          node('Conv', 'image kernel', 'c', { group: int(2) }),
          node('Transpose', 'c', 'x', { perm: ints(0, 2, 3, 1) }),
          norm('x', 'n'),
          head('n'),
        ],
        initializers: [tensor('kernel', [width, 2, 1, 1])],
        inputs: { image: ['float32', [2, 4, 3, 3]] },
      },
      /^Conv "c" gives it a mean: it slides over groups of channels/,
    ],
    [
      'a part of the channels',
      {
        nodes: [
          embed,
          node('Slice', 'x start end axes', 'part'),
          node('LayerNormalization', 'part g4', 'n'),
          node('MatMul', 'n head4', 'y'),
        ],
        initializers: [
          tensor('start', [1], 'int64', [0]),
          tensor('end', [1], 'int64', [4]),
          tensor('axes', [1], 'int64', [-1]),
          tensor('g4', [4]),
          tensor('head4', [4, 3]),
        ],
      },
      /^Slice "part" gives it a mean: it takes a part of the channels/,
    ],
    [
      'dropout that is on',
      {
        nodes: [embed, node('Dropout', 'x ratio training', 'd'), norm('d', 'n'), head('n')],
        initializers: [tensor('ratio', [], 'float32', [0.5]), tensor('training', [], 'bool', [1])],
      },
      /^Dropout "d" gives it a mean: it may drop channels at random/,
    ],
    [
      'a mask of −∞',
      {
        nodes: [embed, node('Where', 'mask x low', 'm'), norm('m', 'n'), head('n')],
        initializers: [tensor('low', [], 'float32', [Number.NEGATIVE_INFINITY])],
        inputs: { mask: ['bool', [2, 3, 1]] },
      },
      /^Where "m" gives it a mean: its input 2 is one number for all channels/,
    ],
  ])('%s', (_, described, why) => {
    const planned = plan(modelOf(described));
    expect(whys(planned)).toEqual([expect.stringMatching(why)]);
    expect(planned.rewriting.centred).toEqual([]);
    expect(planned.rewriting.nodes.every((edit) => 'kept' in edit && edit.inputs === undefined)).toBe(true);
  });

  function branch(value: string) {
    const output = { name: `${value}.o`, dtype: 'float32', shape: [2, 3, width] } as const;
    return {
      name: value,
      inputs: [],
      initializers: [],
      outputs: [output],
      nodes: [node('Identity', value, output.name)],
    };
  }

  it('a graph that makes a value twice, or reads it before', () => {
    expect(() => plan(modelOf({ nodes: [embed, norm('x', 'n'), head('n'), embed] }))).toThrow(
      'value "x" is made twice',
    );
    expect(() => plan(modelOf({ nodes: [norm('x', 'n'), embed, head('n')] }))).toThrow(
      'LayerNormalization "n" reads "x" before it is made; sort the nodes',
    );
  });
});

describe('shared weights', () => {
  it('are split where something else reads them, and by what the stream makes of them', async () => {
    const nodes = [
      embed,
      node('MatMul', 'x0 W', 'f1'),
      node('MatMul', 'x0 W', 'f2'),
      node('Mul', 'f2 scale', 'f3'),
      node('Add', 'x f1', 's1'),
      node('Add', 's1 f3', 's'),
      norm('s', 'n'),
      node('MatMul', 'n W', 'r'),
      head('r'),
    ];
    const model = modelOf({
      nodes,
      initializers: [tensor('scale', [width])],
      inputs: { x0: ['float32', [2, 3, width]] },
    });
    const planned = plan(model);
    expect(reportOf(planned).centred.map(({ tensor: name, copy, folded }) => [name, copy !== null, folded])).toEqual(
      expect.arrayContaining([
        ['table', false, []],
        ['W', true, []],
        ['W', true, ['scale']],
      ]),
    );
    expect(planned.rewriting.removed).toEqual(new Set(['scale']));
    const data = Float64Array.from({ length: 6 * width }, (_, i) => Math.cos(i));
    await expectSame(model, planned, { x0: { dtype: 'float', shape: [2, 3, width], data } });
  });
});

describe('operator sets', () => {
  const old = modelOf({ nodes: [embed, norm('x', 'n'), head('n')] });
  const raised = (model: OnnxModel, opset: number) => planOnnx(model, { normOps: 'auto', opset, source: 'm' });

  it('are raised for RMSNormalization, with axes as inputs and parts that are counted', async () => {
    const nodes = [
      embed,
      norm('x', 'n'),
      node('Split', 'n', 'p q', { axis: int(-1) }),
      node('Concat', 'q p', 'r', { axis: int(-1) }),
      node('ReduceMax', 'r', 'largest', { axes: ints(1) }),
      node('Add', 'largest r', 'a'),
      head('a'),
    ];
    const model = modelOf({ nodes, opset: 14 });
    const planned = raised({ ...model, opsetImports: [{ domain: '', version: 17 }] }, 23);
    const { graph } = await exactResult({ external }, planned);
    const of = (opType: string) => graph.nodes.find((made) => made.opType === opType);
    expect(of('Split')?.attributes).toEqual({ axis: int(-1), num_outputs: int(2) });
    expect(of('ReduceMax')).toMatchObject({ inputs: ['r', expect.any(String)], attributes: {} });
    const result = { ...model, irVersion: 11, opsetImports: [{ domain: '', version: 23 }], graph };
    await (await cpuEngine().createSession(encodeModel(result))).release();
  });

  it.each<[string, () => unknown, RegExp]>([
    ['lower', () => raised(old, 16), /imports operator set 17, which can only be raised; leave it out$/],
    ['beyond what is known', () => raised(old, 24), /can be raised up to 23$/],
    [
      'with an operator that means something else by then',
      () => raised(modelOf({ nodes: [...old.graph.nodes, node('GridSample', 'y y', 'z')] }), 23),
      /GridSample "z" can't be raised to 23: its modes got other names; leave --opset out$/,
    ],
    [
      'that has no RMSNormalization',
      () => planOnnx(old, { normOps: 'rmsnormalization', source: 'm' }),
      /in ONNX from operator set 23 on, and this would have 17; ask for --opset 23/,
    ],
  ])('are not %s', (_, work, message) => {
    expect(work).toThrow(message);
  });
});
