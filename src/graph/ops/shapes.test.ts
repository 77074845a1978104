import { describe, expect, it } from 'vitest';
import type { Shape } from '../../core/shape.ts';
import { normKind } from '../../norms/index.ts';
import { apply, constant, type ElementType, input, type Tensor } from '../tensor.ts';
import {
  add,
  allOps,
  broadcastTo,
  concat,
  crossEntropy,
  cumulativeSum,
  div,
  exp,
  gather,
  gelu,
  lessOrEqual,
  matmul,
  mean,
  mul,
  norm,
  pad,
  positions,
  reshape,
  scale,
  slice,
  softmax,
  split,
  sum,
  tail,
  transpose,
  where,
} from './index.ts';

const float = (...shape: Shape) => input('x', 'float', shape);
const int = (...shape: Shape) => input('n', 'int', shape);
const bool = (...shape: Shape) => input('c', 'bool', shape);

describe('what does not fit is refused, and the message says what came', () => {
  it.each<[string, () => unknown, string]>([
    ['add', () => add(float(2, 3), float(2, 4)), 'graph/add: shapes [2, 3] and [2, 4] do not broadcast'],
    ['two symbols', () => mul(float('batch', 3), float('seq', 3)), 'shapes [batch, 3] and [seq, 3] do not broadcast'],
    ['symbol, number', () => add(float('batch'), float(2)), 'shapes [batch] and [2] do not broadcast'],
    ['float, int', () => add(float(2), int(2)), 'expected two floats or two ints, got float [2], int [2]'],
    ['bools', () => add(bool(2), bool(2)), 'got bool [2], bool [2]'],
    ['div of ints', () => div(int(2), int(2)), 'graph/div: expected two floats, got int [2], int [2]'],
    ['one operand', () => apply(allOps.add, [float(2)], null), 'got float [2], nothing'],
    ['exp', () => exp(int(2, 3)), 'graph/exp: expected a float input, got int [2, 3]'],
    ['lessOrEqual', () => lessOrEqual(bool(1), bool(1)), 'graph/lessOrEqual'],
    ['where, condition', () => where(float(2), float(2), float(2)), 'got float [2], float [2], float [2]'],
    ['where, branches', () => where(bool(2), float(2), int(2)), 'got bool [2], float [2], int [2]'],
    ['where, shapes', () => where(bool(3), float(2), float(2)), 'shapes [3] and [2] do not broadcast'],
    ['sum of ints', () => sum(int(2)), 'graph/sum: expected a float input, got int [2]'],
    ['sum, axis', () => sum(float(2, 3), [2]), 'graph/sum: axis 2 is out of range for a tensor of rank 2'],
    ['sum, one axis twice', () => sum(float(2, 3), [1, -1]), 'graph/sum: the axes [1, -1] of [2, 3] name one twice'],
    ['mean, symbol', () => mean(float('seq', 3)), 'graph/mean: the length of the axis seq is not known'],
    ['broadcastTo', () => broadcastTo(float(3, 2), [3, 4]), 'float [3, 2] does not broadcast to [3, 4]'],
    ['broadcastTo, rank', () => broadcastTo(float(1, 3), [3]), 'float [1, 3] does not broadcast to [3]'],
    ['broadcastTo, symbol', () => broadcastTo(float('seq'), [4]), 'float [seq] does not broadcast to [4]'],
    ['reshape', () => reshape(float(2, 3), [5]), '[2, 3] does not have as many elements as [5]'],
    ['reshape, symbols', () => reshape(float('batch', 2), ['seq', 2]), '[batch, 2] does not have as many elements as'],
    ['reshape, lost symbol', () => reshape(float('batch', 2), [2]), 'graph/reshape'],
    ['transpose', () => transpose(float(2, 3), [1, 1]), 'graph/transpose: [1, 1] is no permutation'],
    ['transpose, rank', () => transpose(float(2, 3), [1, 0, 2]), '3 axes given for the shape [2, 3]'],
    ['slice', () => slice(float(2, 3), 1, 1, 4), 'graph/slice: 1 to 4 of axis 1 is out of range for [2, 3]'],
    ['slice, start', () => slice(float(3), 0, -1, 2), '-1 to 2 of axis 0'],
    ['slice, order', () => slice(float(3), 0, 2, 1), '2 to 1 of axis 0'],
    ['slice, fraction', () => slice(float(3), 0, 0.5, 2), '0.5 to 2 of axis 0'],
    ['slice, symbol', () => slice(float('seq', 3), 0, 0, 1), 'out of range for [seq, 3]'],
    ['pad, symbol', () => pad(float('seq'), 0, 1, 0), 'graph/pad: axis 0 of [seq] has no known length'],
    ['pad, negative', () => pad(float(3), 0, -1, 2), 'graph/pad: -1 and 2 entries around axis 0 of [3]'],
    ['concat', () => concat([float(2, 3), float(3, 3)], 1), '[3, 3] does not go with [2, 3] on axis 1'],
    ['concat, types', () => concat([float(2), int(2)], 0), '[2] does not go with [2]'],
    ['tail', () => tail(int(2, 3), int(4), 0), '[2, 3] has not 4 entries on its last axis'],
    ['tail, no axis', () => tail(int(), int(4), 0), 'has no last axis'],
    ['cumulativeSum', () => cumulativeSum(float(2)), 'expected ints with an axis, got float [2]'],
    ['concat, nothing', () => concat([], 0), 'graph: concat has no entry 0'],
    ['split', () => split(float(2, 5), 1, [2, 2]), 'lengths [2, 2] do not add up to axis 1 of [2, 5]'],
    ['split, negative', () => split(float(3), 0, [4, -1]), 'lengths [4, -1] do not add up to axis 0 of [3]'],
    ['matmul', () => matmul(float(2, 3), float(4, 5)), '[2, 3] and [4, 5] disagree on the inner dimension (3 and 4)'],
    [
      'matmul, transposed',
      () => matmul(float(2, 3), float(3, 4), { transposeB: true }),
      '[2, 3] and [3, 4]ᵀ disagree on the inner dimension (3 and 4)',
    ],
    ['matmul, batch', () => matmul(float(2, 1, 1), float(3, 1, 1)), 'shapes [2] and [3] do not broadcast'],
    ['matmul, rank', () => matmul(float(3), float(3, 4)), 'graph/matmul: [3] has fewer than two axes'],
    ['matmul, ints', () => matmul(int(2, 2), int(2, 2)), 'got int [2, 2], int [2, 2]'],
    ['softmax of a scalar', () => softmax(float()), 'got float []'],
    ['crossEntropy', () => crossEntropy(float(2, 3), int(3)), 'got float [2, 3], int [3]'],
    ['crossEntropy, labels', () => crossEntropy(float(2, 3), float(2)), 'got float [2, 3], float [2]'],
    ['crossEntropy, scalar', () => crossEntropy(float(), int()), 'got float [], int []'],
    [
      'crossEntropyGradient',
      () => apply(allOps.crossEntropyGradient, [float(2, 3), int(2), float(3)], null),
      'expected dy like the labels, got int [2], float [3]',
    ],
    ['gather', () => gather(float(2, 3, 4), int(2)), 'got float [2, 3, 4], int [2]'],
    ['gather, ids', () => gather(float(2, 3), float(2)), 'got float [2, 3], float [2]'],
    ['gather, symbol', () => gather(float(3, 'width'), int(2)), 'got float [3, width], int [2]'],
    [
      'scatterRows',
      () => apply(allOps.scatterRows, [int(2), float(2, 3)], { shape: [5, 4] }),
      'a row of [5, 4] for each, got int [2], float [2, 3]',
    ],
    ['positions', () => positions(float(2), 1), 'graph/positions: axis 1 is out of range for a tensor of rank 1'],
    ['gelu', () => gelu(int(2), 'erf'), 'graph/gelu: expected a float input, got int [2]'],
    [
      'geluGradient',
      () => apply(allOps.geluGradient, [float(2), float(3)], { approximation: 'erf' }),
      'expected x and dy of one shape, got float [2], float [3]',
    ],
    [
      'norm',
      () => norm(normKind('layernorm'), float(2, 4), [float(4), float(3)]),
      'graph/norm: layernorm over [2, 4] needs parameters of the shapes [4] [4], got [4] [3]',
    ],
    ['norm, too few', () => norm(normKind('rmsnorm'), float(2, 4), []), 'shapes [4], got (none)'],
    ['norm, too many', () => norm(normKind('crmsnorm'), float(4), [float(4)]), 'shapes (none), got [4]'],
    [
      'norm, symbol',
      () => norm(normKind('rmsnorm'), float('width'), []),
      'the last axis of [width] has no known length',
    ],
    ['norm of a scalar', () => norm(normKind('rmsnorm'), float(), []), 'the last axis of [] has no known length'],
    ['norm of ints', () => norm(normKind('rmsnorm'), int(2), []), 'rmsnorm needs floats, got int [2]'],
    [
      'normGradient',
      () => apply(allOps.normGradient, [float(2, 4), float(4), float(4)], { kind: normKind('rmsnorm'), epsilon: 1 }),
      'graph/normGradient: expected x and dy of one shape, got float [2, 4], float [4]',
    ],
    ['constant', () => constant([1, 2, 3], [2]), 'graph: 3 entries given for the shape [2]'],
  ])('%s', (_, build, message) => {
    expect(build).toThrow(RangeError);
    expect(build).toThrow(message);
  });
});

describe('what changes nothing adds no op', () => {
  const x = float('batch', 3);
  it.each<[string, Tensor]>([
    ['reshape', reshape(x, ['batch', 3])],
    ['transpose', transpose(x, [0, 1])],
    ['slice', slice(x, 1, 0, 3)],
    ['pad', pad(x, 1, 0, 0)],
    ['concat', concat([x], 1)],
    ['split', split(x, 1, [3])[0] ?? float()],
    ['broadcastTo', broadcastTo(x, ['batch', 3])],
    ['scale', scale(x, 1)],
    ['sum', sum(x, [])],
    ['norm', norm(normKind('none'), x, [])],
  ])('%s', (_, y) => {
    expect(y).toBe(x);
  });
});

it('drops summed axes on demand', () => {
  const shapes: [Tensor, Shape][] = [
    [sum(float(2, 3, 4), [0, -1]), [1, 3, 1]],
    [sum(float(2, 3, 4), [0, -1], false), [3]],
    [mean(float(2, 'seq'), [0], false), ['seq']],
    [sum(float(2, 3), undefined, false), []],
  ];
  for (const [y, shape] of shapes) expect(y.shape).toEqual(shape);
});

it('counts negative axes from the end', () => {
  const dtypes: ElementType[] = ['float', 'int', 'bool'];
  for (const dtype of dtypes) {
    const x = input('x', dtype, [2, 3]);
    expect(slice(x, -1, 1, 2).shape).toEqual([2, 1]);
    expect(concat([x, x], -2).shape).toEqual([4, 3]);
  }
});
