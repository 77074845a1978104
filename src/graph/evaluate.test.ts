import { describe, expect, it } from 'vitest';
import { InputError } from '../core/errors.ts';
import {
  add,
  broadcastTo,
  constant,
  crossEntropy,
  evaluate,
  exp,
  gather,
  input,
  makeValue,
  matmul,
  mul,
  neg,
  parameter,
  reshape,
  softmax,
  split,
  sum,
  type Tensor,
  transpose,
  where,
} from './index.ts';

const vector = (...data: number[]) => makeValue('float', [data.length], data);

describe('evaluate', () => {
  it('computes what NumPy computes', () => {
    const a = constant([1, 2, 3, 4, 5, 6], [2, 3]);
    const b = constant([10, 20], [2, 1]);
    const results = evaluate([add(a, b), matmul(transpose(a, [1, 0]), b), softmax(constant([0, 0, Math.log(2)]))], {});
    expect(results.map(({ shape, data }) => [shape, [...data]])).toEqual([
      [
        [2, 3],
        [11, 12, 13, 24, 25, 26],
      ],
      [
        [3, 1],
        [90, 120, 150],
      ],
      [[3], [0.25, 0.25, 0.5]],
    ]);
  });

  it('returns leaves as they are', () => {
    const x = parameter('x', [2]);
    const value = vector(1, 2);
    const [given, known] = evaluate([x, constant(-0)], { x: value });
    expect(given).toBe(value);
    expect(known?.data[0]).toBe(-0);
    expect(evaluate([], {})).toEqual([]);
  });

  it('says which value is missing', () => {
    const build = add(parameter('weight', [2]), input('x', 'float', [2]));
    expect(() => evaluate([build], { x: vector(1, 2) })).toThrow(InputError);
    expect(() => evaluate([build], { x: vector(1, 2) })).toThrow('no value given for the parameter weight');
    expect(() => evaluate([build], { weight: vector(1, 2) })).toThrow('no value given for the input x');
    expect(() => evaluate([input('constructor', 'float', [])], {})).toThrow('input constructor');
  });

  it('says which value has the wrong shape or type', () => {
    const x = input('x', 'float', ['batch', 2]);
    const wrong = (value: ReturnType<typeof makeValue>) => () => evaluate([x], { x: value });
    expect(wrong(vector(1, 2))).toThrow(InputError);
    expect(wrong(vector(1, 2))).toThrow('graph/evaluate: x is float [2], expected float [batch, 2]');
    expect(wrong(makeValue('float', [1, 3], [1, 2, 3]))).toThrow('x is float [1, 3], expected float [batch, 2]');
    expect(wrong(makeValue('int', [1, 2], [1, 2]))).toThrow('x is int [1, 2], expected float [batch, 2]');
  });

  it('refuses a symbol that stands for two lengths, also within one shape', () => {
    const x = input('x', 'float', ['batch', 2]);
    const y = input('y', 'float', ['batch']);
    const feeds = { x: makeValue('float', [3, 2], new Float64Array(6)), y: vector(1, 2) };
    expect(() => evaluate([x, y], feeds)).toThrow('y is float [2], expected float [batch = 3]');
    const square = input('square', 'float', ['n', 'n']);
    expect(() => evaluate([square], { square: makeValue('float', [2, 3], new Float64Array(6)) })).toThrow(InputError);
  });

  it('says which symbol nothing tells the length of', () => {
    expect(() => evaluate([broadcastTo(constant(1), ['seq'])], {})).toThrow('how large the dimension seq is');
  });

  it('keeps what was asked for, however early it is computed and whoever reads it later', () => {
    const x = parameter('x', [2]);
    const early = exp(x);
    let late: Tensor = early;
    for (let i = 0; i < 10; i++) late = neg(late);
    const [first, last] = split(late, 0, [1, 1]);
    if (first === undefined || last === undefined) throw new Error('two pieces expected');
    const whole = reshape(late, [1, 2]);
    const results = evaluate([late, early, last, x, early, mul(whole, whole)], { x: vector(0, Math.log(3)) });
    expect(results.map(({ data }) => [...data].map((value) => Math.round(value * 1e9) / 1e9))).toEqual([
      [1, 3],
      [1, 3],
      [3],
      [0, 1.098612289],
      [1, 3],
      [1, 9],
    ]);
    expect([...(evaluate([first], { x: vector(0, 1) })[0]?.data ?? [])]).toEqual([1]);
  });

  it('does not write into what it was given', () => {
    const x = parameter('x', [3]);
    const labels = input('labels', 'int', []);
    const feeds = { x: vector(1, 2, 3), labels: makeValue('int', [], [1]) };
    evaluate([crossEntropy(x, labels), softmax(reshape(x, [1, 3]))], feeds);
    expect([...feeds.x.data]).toEqual([1, 2, 3]);
  });

  it('walks a chain of 50,000 ops', () => {
    let y: Tensor = parameter('x', [1]);
    for (let i = 0; i < 50_000; i++) y = neg(y);
    expect(evaluate([y], { x: vector(7) })[0]?.data[0]).toBe(7);
  });

  it('refuses labels and ids outside of the table', () => {
    const n = input('n', 'int', [1]);
    const id = (value: number) => ({ n: makeValue('int', [1], [value]) });
    const loss = crossEntropy(constant([1, 2], [1, 2]), n);
    const row = gather(constant([1, 2], [2, 1]), n);
    for (const value of [-1, 2]) {
      expect(() => evaluate([loss], id(value))).toThrow(RangeError);
      expect(() => evaluate([row], id(value))).toThrow(`the id ${value} is out of range for a table of 2 rows`);
    }
  });

  it('takes axes of length 0', () => {
    const x = input('x', 'float', ['batch', 3]);
    const feeds = { x: makeValue('float', [0, 3], []) };
    const results = evaluate(
      [sum(x), softmax(x), add(x, constant([1, 2, 3])), matmul(x, constant([1, 2, 3], [3, 1]))],
      feeds,
    );
    expect(results.map(({ shape, data }) => [shape, [...data]])).toEqual([
      [[1, 1], [0]],
      [[0, 3], []],
      [[0, 3], []],
      [[0, 1], []],
    ]);
    expect(evaluate([where(constant([1], [1], 'bool'), x, x)], feeds)[0]?.shape).toEqual([0, 3]);
  });
});

describe('numbers at the edge', () => {
  const inf = Number.POSITIVE_INFINITY;
  it('masks with −∞', () => {
    expect([...(evaluate([softmax(constant([1, -inf, 1]))], {})[0]?.data ?? [])]).toEqual([0.5, 0, 0.5]);
    expect(evaluate([crossEntropy(constant([0, -inf]), constant(0, [], 'int'))], {})[0]?.data[0]).toBe(0);
    expect(evaluate([crossEntropy(constant([0, -inf]), constant(1, [], 'int'))], {})[0]?.data[0]).toBe(inf);
  });

  it('survives logits that overflow exp', () => {
    expect(evaluate([crossEntropy(constant([1e4, 0]), constant(1, [], 'int'))], {})[0]?.data[0]).toBe(1e4);
    expect([...(evaluate([softmax(constant([1e308, -1e308]))], {})[0]?.data ?? [])]).toEqual([1, 0]);
  });

  it('carries NaN on', () => {
    const nan = constant([Number.NaN, 1]);
    const results = evaluate([softmax(nan), crossEntropy(nan, constant(1, [], 'int')), sum(nan)], {});
    for (const { data } of results) expect(data[0]).toBeNaN();
    const [product] = evaluate([matmul(constant([0], [1, 1]), constant([Number.NaN], [1, 1]))], {});
    expect(product?.data[0]).toBeNaN();
  });
});
