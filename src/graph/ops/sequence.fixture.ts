import { apply } from '../tensor.ts';
import type { OpCase } from './cases.fixture.ts';
import { drawShape, ids } from './draw.fixture.ts';
import { sequenceOps } from './sequence.ts';

/** Of the ops on where tokens stand. */
export const sequenceCases: readonly OpCase[] = [
  {
    op: 'cumulativeSum',
    exact: true,
    draw: (random) => {
      const shape = drawShape(random, 1);
      const value = ids(random, shape, 3);
      return { inputs: [{ shape, value }], apply: (x) => apply(sequenceOps.cumulativeSum, x, null) };
    },
  },
  {
    op: 'tail',
    exact: true,
    draw: (random) => {
      const shape = [...drawShape(random, 0, 3), 3 + random.integer(4)];
      const like = drawShape(random, 1).map((dim) => (typeof dim === 'number' ? Math.min(dim, 3) : dim));
      const axis = random.integer(like.length);
      const inputs = [shape, like].map((own) => ({ shape: own, value: ids(random, own, 9) }));
      return { inputs, apply: (x) => apply(sequenceOps.tail, x, { axis }) };
    },
  },
];
