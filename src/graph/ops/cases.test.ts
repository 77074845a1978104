import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/random.ts';
import type { Shape } from '../../core/shape.ts';
import { normKinds } from '../../norms/index.ts';
import { input } from '../tensor.ts';
import { topologicalOrder } from '../traverse.ts';
import { opCases, titleOf } from './cases.fixture.ts';
import { shapeOf } from './draw.fixture.ts';
import { allOps } from './index.ts';

describe('the sample cases', () => {
  it('are there for every op', () => {
    const covered = new Set<string>(opCases.map(({ op }) => op));
    expect(Object.keys(allOps).filter((name) => !covered.has(name))).toEqual([]);
  });

  it('are there for every norm but the identity, and for its gradient', () => {
    const ids = normKinds.map(({ id }) => id).filter((id) => id !== 'none');
    for (const op of ['norm', 'normGradient']) {
      expect(opCases.filter((opCase) => opCase.op === op).map(({ title }) => title)).toEqual(ids);
    }
  });

  it('have different titles, since their random numbers come from these', () => {
    expect(new Set(opCases.map(titleOf)).size).toBe(opCases.length);
  });

  it('apply the op that they name', () => {
    for (const { op, draw } of opCases) {
      const sample = draw(createRandom('cases'));
      for (const resolve of [shapeOf, (shape: Shape) => shape]) {
        const inputs = sample.inputs.map(({ shape, value }, i) => input(`x${i}`, value.dtype, resolve(shape)));
        const outputs = sample.apply(inputs, resolve);
        expect(topologicalOrder(outputs).map((node) => node.op)).toEqual([op]);
      }
    }
  });

  it('reach every rank from 0 to 4, axes of length 1, symbols, and operands that broadcast both ways', () => {
    const random = createRandom('coverage');
    const add = opCases.find(({ op }) => op === 'add');
    const pairs = Array.from({ length: 200 }, () => add?.draw(random).inputs.map(({ shape }) => shape) ?? []);
    const seen = (matches: (a: Shape, b: Shape) => boolean) =>
      pairs.some(([a = [], b = []]) => matches(a, b)) && pairs.some(([a = [], b = []]) => matches(b, a));
    for (const rank of [0, 1, 2, 3, 4]) expect(seen((a) => a.length === rank)).toBe(true);
    expect(seen((a) => a.includes('batch') && a.includes('seq'))).toBe(true);
    expect(seen((a, b) => a.length > b.length)).toBe(true);
    expect(seen((a, b) => a.length === b.length && a.some((dim, i) => dim === 1 && b[i] !== 1))).toBe(true);
    expect(seen((a, b) => a.length === 0 && b.length > 1)).toBe(true);
  });
});

it('keeps every op under its own name', () => {
  for (const [name, op] of Object.entries(allOps)) expect(op.name).toBe(name);
});
