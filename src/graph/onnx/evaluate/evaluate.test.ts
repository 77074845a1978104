import { describe, expect, it } from 'vitest';
import { InputError } from '../../../core/errors.ts';
import { makeValue } from '../../tensor.ts';
import type { OnnxGraph, OnnxInitializer, OnnxModel, OnnxNode } from '../types.ts';
import { UnsupportedOpError } from './context.ts';
import { evaluateOnnx, evaluateOnnxSteps, unsupportedOps } from './evaluate.ts';

const float = (name: string) => ({ name, dtype: 'float32' as const, shape: ['n'] });

function modelOf(nodes: readonly OnnxNode[], graph: Partial<OnnxGraph> = {}, version = 17): OnnxModel {
  return {
    irVersion: 8,
    producerName: 'test',
    opsetImports: [{ domain: '', version }],
    graph: { name: 'g', nodes, inputs: [float('x')], outputs: [float('y')], initializers: [], ...graph },
  };
}

function ints(name: string, values: readonly number[]): OnnxInitializer {
  const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return { name, dtype: 'int64', shape: [values.length], data };
}

const node = (opType: string, inputs: readonly string[], outputs: readonly string[], rest: Partial<OnnxNode> = {}) => ({
  opType,
  inputs,
  outputs,
  ...rest,
});

const x = makeValue('float', [3], [1, -2, 3]);

describe('evaluateOnnx', () => {
  it('gives outputs and values in between, and computes only what they need', () => {
    const model = modelOf([
      node('Neg', ['x'], ['a']),
      node('Nonsense', ['a'], ['unused']),
      node('Abs', ['a'], ['b']),
      node('Add', ['a', 'b'], ['y']),
    ]);
    const values = evaluateOnnx(model, { x }, { outputs: ['y', 'a', 'x'] });
    expect(values.get('y')?.data).toEqual(Float64Array.of(0, 4, 0));
    expect(values.get('a')?.data).toEqual(Float64Array.of(-1, 2, -3));
    expect(values.get('x')).toBe(x);
    expect([...evaluateOnnxSteps(model, { x })]).toHaveLength(3);
  });

  it('computes with the initializers that it is given', () => {
    const w: OnnxInitializer = {
      name: 'w',
      dtype: 'float32',
      shape: [1],
      data: new Uint8Array(Float32Array.of(0.1).buffer),
    };
    const model = modelOf([node('Mul', ['x', 'w'], ['y'])], { initializers: [w] });
    expect(evaluateOnnx(model, { x }).get('y')?.data[0]).toBe(Math.fround(0.1));
    const exact = (tensor: OnnxInitializer) => (tensor.name === 'w' ? makeValue('float', [1], [0.1]) : undefined);
    expect(evaluateOnnx(model, { x }, { initializer: exact }).get('y')?.data[0]).toBe(0.1);
  });

  it('names the operator that it lacks, before anything is computed', () => {
    const model = modelOf([
      node('Neg', ['missing'], ['a']),
      node('MatMulNBits', ['a'], ['y'], { domain: 'com.microsoft' }),
    ]);
    expect(unsupportedOps(model).map(({ opType, domain }) => [opType, domain])).toEqual([
      ['MatMulNBits', 'com.microsoft'],
    ]);
    expect(() => evaluateOnnx(model, { x })).toThrow(UnsupportedOpError);
    expect(() => evaluateOnnx(model, { x })).toThrow(
      'onnx/evaluate: the operator "com.microsoft.MatMulNBits" of opset 1 is not supported in float64',
    );
    expect(unsupportedOps(modelOf([node('toString', ['x'], ['y'])]))).toHaveLength(1);
    expect(() => evaluateOnnx(modelOf([node('Neg', ['x'], ['y'])], {}, 6), { x })).toThrow('is older than opset 7');
  });

  it('runs branches and loops, which see the values around them', () => {
    const branch = (opType: string): OnnxGraph => ({
      name: opType,
      nodes: [node(opType, ['a'], ['r'])],
      inputs: [],
      outputs: [float('r')],
      initializers: [],
    });
    const attributes = {
      then_branch: { kind: 'graph', value: branch('Abs') },
      else_branch: { kind: 'graph', value: branch('Unheard') },
    } as const;
    const model = modelOf([node('Neg', ['x'], ['a']), node('If', ['c'], ['y'], { attributes })], {
      inputs: [float('x'), { name: 'c', dtype: 'bool', shape: [] }],
    });
    expect(evaluateOnnx(model, { x, c: makeValue('bool', [], [1]) }).get('y')?.data).toEqual(Float64Array.of(1, 2, 3));
    expect(() => evaluateOnnx(model, { x, c: makeValue('bool', [], [0]) })).toThrow(UnsupportedOpError);
  });

  it.each([
    ['a value that nothing makes', [node('Add', ['x', 'z'], ['y'])], 'nothing makes the value "z" before it is read'],
    ['nodes in a wrong order', [node('Neg', ['a'], ['y']), node('Neg', ['x'], ['a'])], 'nothing makes the value "a"'],
    ['shapes that do not broadcast', [node('Add', ['x', 'shape'], ['y'])], 'shapes [3] and [2] do not broadcast'],
    ['a missing input', [node('Add', ['x'], ['y'])], 'node "y" ("Add"): has no input 1'],
    [
      'an attribute of another type',
      [node('Softmax', ['x'], ['y'], { attributes: { axis: { kind: 'string', value: '1' } } })],
      'attribute "axis" is string, expected int',
    ],
    [
      'an axis out of range',
      [node('Concat', ['x'], ['y'], { attributes: { axis: { kind: 'int', value: 5 } } })],
      'axis 5 is out of range',
    ],
    [
      'an index out of range',
      [node('Gather', ['x', 'shape'], ['y'])],
      'index 1048576 is out of range for an axis of 3',
    ],
  ])('refuses a model with %s', (_, nodes, message) => {
    const model = modelOf(nodes, { initializers: [ints('shape', [2 ** 20, 2 ** 20])] });
    expect(() => evaluateOnnx(model, { x })).toThrow(InputError);
    expect(() => evaluateOnnx(model, { x })).toThrow(message);
  });

  it.each([
    ['ConstantOfShape', ['shape']],
    ['Expand', ['x1', 'shape']],
    ['Tile', ['x2', 'shape']],
    ['Range', ['zero', 'large', 'one']],
    ['OneHot', ['shape', 'large', 'ends']],
    ['Pad', ['x2', 'pads']],
  ])('keeps %s from filling the memory', (opType, inputs) => {
    const initializers = [
      ints('shape', [2 ** 20, 2 ** 20]),
      ints('pads', [2 ** 20, 2 ** 20, 2 ** 20, 2 ** 20]),
      ints('ends', [0, 1]),
      { ...ints('zero', [0]), shape: [] },
      { ...ints('large', [2 ** 40]), shape: [] },
      { ...ints('one', [1]), shape: [] },
      ints('x1', [1]),
      { ...ints('x2', [1]), shape: [1, 1] },
    ];
    const model = modelOf([node(opType, inputs, ['y'])], { inputs: [], initializers });
    expect(() => evaluateOnnx(model, {})).toThrow(/would hold more than the 268435456 elements left/);
  });

  it.each([
    ['Slice', ['empty', 'zero', 'one', 'zero'], {}],
    ['Split', ['empty'], {}],
    ['ReduceSum', ['empty', 'one'], {}],
    ['ArgMax', ['wide', 'unused'], { axis: { kind: 'int', value: 1 } }],
    ['GatherND', ['zero', 'empty'], {}],
    ['Einsum', ['empty'], { equation: { kind: 'string', value: 'ab->a' } }],
  ] as const)('keeps %s from listing what an empty value is long', (opType, inputs, attributes) => {
    const none = new Uint8Array();
    const initializers: OnnxInitializer[] = [
      { name: 'empty', dtype: 'int64', shape: [2 ** 40, 0], data: none },
      { name: 'wide', dtype: 'int64', shape: [2 ** 40, 1, 0], data: none },
      ints('zero', [0]),
      ints('one', [1]),
      ints('unused', []),
    ];
    const model = modelOf([node(opType, inputs, ['y'], { attributes })], { inputs: [], initializers });
    expect(() => evaluateOnnx(model, {})).toThrow(/would hold more than the 268435456 elements left/);
  });

  it('counts what is held at one time, and lets go what is not read any more', () => {
    const chain = Array.from({ length: 50 }, (_, i) =>
      node('Neg', [i === 0 ? 'x' : `v${i}`], [i === 49 ? 'y' : `v${i + 1}`]),
    );
    const value = makeValue('float', [1000], new Float64Array(1000));
    expect(evaluateOnnx(modelOf(chain), { x: value }, { maxElements: 2500 }).get('y')?.data).toHaveLength(1000);
    expect(() => evaluateOnnx(modelOf(chain), { x: value }, { maxElements: 999 })).toThrow('take too much memory');
    const kept = modelOf([
      ...Array.from({ length: 4 }, (_, i) =>
        node('Concat', ['x', 'x'], [`v${i}`], { attributes: { axis: { kind: 'int', value: 0 } } }),
      ),
      node('Sum', ['v0', 'v1', 'v2', 'v3'], ['y']),
    ]);
    expect(() => evaluateOnnx(kept, { x: value }, { maxElements: 5000 })).toThrow('the 1000 elements left');
  });

  it('ends a loop without an end', () => {
    const body: OnnxGraph = {
      name: 'body',
      nodes: [node('Identity', ['going'], ['on'])],
      inputs: [float('turn'), { name: 'going', dtype: 'bool', shape: [] }],
      outputs: [{ name: 'on', dtype: 'bool', shape: [] }, float('x')],
      initializers: [],
    };
    const model = modelOf([node('Loop', ['', ''], ['y'], { attributes: { body: { kind: 'graph', value: body } } })]);
    expect(() => evaluateOnnx(model, { x })).toThrow('has a loop no end?');
  });

  it('checks inputs against what the graph declares', () => {
    const model = modelOf([node('Neg', ['x'], ['y'])]);
    expect(() => evaluateOnnx(model, {})).toThrow('no value is given for the input "x"');
    expect(() => evaluateOnnx(model, { x: makeValue('int', [1], [1]) })).toThrow('is int [1], expected float [n]');
    expect(() => evaluateOnnx(model, { x: makeValue('float', [1, 1], [1]) })).toThrow(
      'is float [1, 1], expected float [n]',
    );
  });
});
