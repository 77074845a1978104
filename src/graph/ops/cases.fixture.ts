import type { Random } from '../../core/random.ts';
import { type Dim, type Shape, sizeOf } from '../../core/shape.ts';
import { initialValue, normKinds } from '../../norms/index.ts';
import { apply, at, type Tensor, type Value } from '../tensor.ts';
import {
  awayFromZero,
  booleans,
  choose,
  drawOperands,
  drawShape,
  ids,
  normals,
  positives,
  shapeOf,
  steps,
} from './draw.fixture.ts';
import { allOps } from './index.ts';
import { sequenceCases } from './sequence.fixture.ts';

export interface OpCase {
  readonly op: keyof typeof allOps;
  /** What is special about the case, where an op has several. */
  readonly title?: string;
  /** Every result is the float32 nearest to the true one, bit for bit; its gradient need not be. */
  readonly exact?: boolean;
  readonly draw: (random: Random) => Sample;
}

/** One application of an op to random inputs. */
export interface Sample {
  /** Shapes may hold the symbols of `bindings`. */
  readonly inputs: readonly { readonly shape: Shape; readonly value: Value }[];
  /** `resolve` gives a shape as the graph should have it: with its symbols, or with what they stand for. */
  readonly apply: (inputs: readonly Tensor[], resolve: (shape: Shape) => Shape) => readonly Tensor[];
}

type Given = Sample['inputs'][number];
type Fill = (random: Random, shape: Shape) => Value;

const given = (shape: Shape, value: Value): Given => ({ shape, value });

function unary(op: 'neg' | 'exp' | 'log' | 'sqrt' | 'tanh' | 'sigmoid' | 'relu', fill: Fill, exact = false): OpCase {
  return {
    op,
    exact,
    draw: (random) => {
      const shape = drawShape(random);
      return { inputs: [given(shape, fill(random, shape))], apply: (x) => apply(allOps[op], x, null) };
    },
  };
}

type Binary = 'add' | 'sub' | 'mul' | 'div' | 'minimum' | 'maximum' | 'lessOrEqual';

function binary(op: Binary, fillA: Fill, fillB: Fill): OpCase {
  return {
    op,
    exact: true,
    draw: (random) => {
      const [a, b] = drawOperands(random, drawShape(random));
      return {
        inputs: [given(a, fillA(random, a)), given(b, fillB(random, b))],
        apply: (x) => apply(allOps[op], x, null),
      };
    },
  };
}

const evenSteps: Fill = (random, shape) => steps(random, shape, 0);
const oddSteps: Fill = (random, shape) => steps(random, shape, 1 / 8);

const elementwise: readonly OpCase[] = [
  binary('add', normals, normals),
  binary('sub', normals, normals),
  binary('mul', normals, normals),
  binary('div', normals, awayFromZero),
  binary('minimum', evenSteps, oddSteps),
  binary('maximum', evenSteps, oddSteps),
  // Ties are wanted here.
  binary('lessOrEqual', evenSteps, evenSteps),
  unary('neg', normals, true),
  unary('exp', normals),
  unary('log', positives),
  unary('sqrt', positives, true),
  unary('tanh', normals),
  unary('sigmoid', normals),
  unary('relu', awayFromZero, true),
  {
    op: 'where',
    exact: true,
    draw: (random) => {
      const shape = drawShape(random);
      const [condition, branches] = drawOperands(random, shape);
      const [a, b] = drawOperands(random, branches);
      return {
        inputs: [
          given(condition, booleans(random, condition)),
          given(a, normals(random, a)),
          given(b, normals(random, b)),
        ],
        apply: (x) => apply(allOps.where, x, null),
      };
    },
  },
];

const reduce: readonly OpCase[] = [
  {
    op: 'sum',
    draw: (random) => {
      const shape = drawShape(random, 1);
      const some = shape.map((_, axis) => axis).filter(() => random.integer(2) === 0);
      const axes = some.length === 0 ? [random.integer(shape.length)] : some;
      return { inputs: [given(shape, normals(random, shape))], apply: (x) => apply(allOps.sum, x, { axes }) };
    },
  },
  {
    op: 'broadcastTo',
    exact: true,
    draw: (random) => {
      const target = drawShape(random);
      const [shape, other] = drawOperands(random, target);
      return {
        // The other operand tells an engine how long the axes are that the first one lacks.
        inputs: [given(shape, normals(random, shape)), given(other, normals(random, other))],
        apply: (x, resolve) => apply(allOps.broadcastTo, x.slice(0, 1), { shape: resolve(target) }),
      };
    },
  },
];

const layout: readonly OpCase[] = [
  {
    op: 'reshape',
    title: 'heads apart and together',
    exact: true,
    draw: (random) => {
      const [heads, size] = [1 + random.integer(3), 1 + random.integer(4)];
      const apart: Shape = ['batch', 'seq', heads, size];
      const together: Shape = ['batch', 'seq', heads * size];
      const [from, to] = choose(random, [
        [apart, together],
        [together, apart],
      ]);
      return {
        inputs: [given(from, normals(random, from))],
        apply: (x, resolve) => apply(allOps.reshape, x, { shape: resolve(to) }),
      };
    },
  },
  {
    op: 'reshape',
    title: 'axes in any order',
    exact: true,
    draw: (random) => {
      const from = drawShape(random);
      const to = [...random.permutation(from.length)].map((axis) => at(from, axis, 'shape'));
      to.splice(random.integer(to.length + 1), 0, 1);
      return {
        inputs: [given(from, normals(random, from))],
        apply: (x, resolve) => apply(allOps.reshape, x, { shape: resolve(to) }),
      };
    },
  },
  {
    op: 'transpose',
    exact: true,
    draw: (random) => {
      const shape = drawShape(random);
      const permutation = [...random.permutation(shape.length)];
      return {
        inputs: [given(shape, normals(random, shape))],
        apply: (x) => apply(allOps.transpose, x, { permutation }),
      };
    },
  },
  {
    op: 'slice',
    exact: true,
    draw: (random) => {
      const { shape, axis, length } = drawStaticAxis(random);
      const start = random.integer(length);
      const end = start + 1 + random.integer(length - start);
      return {
        inputs: [given(shape, normals(random, shape))],
        apply: (x) => apply(allOps.slice, x, { axis, start, end }),
      };
    },
  },
  {
    op: 'pad',
    exact: true,
    draw: (random) => {
      const { shape, axis } = drawStaticAxis(random);
      const [before, after] = [random.integer(3), random.integer(3)];
      return {
        inputs: [given(shape, normals(random, shape))],
        apply: (x) => apply(allOps.pad, x, { axis, before, after }),
      };
    },
  },
  {
    op: 'concat',
    exact: true,
    draw: (random) => {
      const { shape, axis } = drawStaticAxis(random);
      const inputs = Array.from({ length: 1 + random.integer(3) }, () => {
        const own = shape.with(axis, 1 + random.integer(3));
        return given(own, normals(random, own));
      });
      return { inputs, apply: (x) => apply(allOps.concat, x, { axis }) };
    },
  },
  {
    op: 'split',
    exact: true,
    draw: (random) => {
      const { shape, axis } = drawStaticAxis(random);
      const lengths = Array.from({ length: 1 + random.integer(3) }, () => 1 + random.integer(3));
      const whole = shape.with(
        axis,
        lengths.reduce((a, b) => a + b),
      );
      return {
        inputs: [given(whole, normals(random, whole))],
        apply: (x) => apply(allOps.split, x, { axis, lengths }),
      };
    },
  },
];

/** A shape of rank 1 or more, and one of its axes whose length is a number. */
function drawStaticAxis(random: Random) {
  const drawn = drawShape(random, 1);
  const axis = random.integer(drawn.length);
  const length = 1 + random.integer(4);
  return { shape: drawn.with(axis, length), axis, length };
}

const matmul: readonly OpCase[] = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({
    op: 'matmul',
    title: `${transposeA ? 'Aᵀ' : 'A'}${transposeB ? 'Bᵀ' : 'B'}`,
    draw: (random) => {
      // A weight that a batch shares has a gradient rule of its own.
      const shared = random.integer(3) === 0;
      const [batchA, batchB] = shared ? [drawShape(random, 1, 2), []] : drawOperands(random, drawShape(random, 0, 2));
      const rows = choose(random, ['seq', 1, 4]);
      const [inner, columns] = [1 + random.integer(5), 1 + random.integer(4)];
      const a = [...batchA, ...(transposeA ? [inner, rows] : [rows, inner])];
      const b = [...batchB, ...(transposeB ? [columns, inner] : [inner, columns])];
      return {
        inputs: [given(a, normals(random, a)), given(b, normals(random, b))],
        apply: (x) => apply(allOps.matmul, x, { transposeA, transposeB }),
      };
    },
  })),
);

const vocabulary = 5;

const losses: readonly OpCase[] = [
  {
    op: 'softmax',
    draw: (random) => {
      const shape = drawShape(random, 1);
      return { inputs: [given(shape, normals(random, shape))], apply: (x) => apply(allOps.softmax, x, null) };
    },
  },
  {
    op: 'crossEntropy',
    draw: (random) => {
      const rows = drawShape(random, 0, 3);
      const logits = [...rows, vocabulary];
      return {
        inputs: [given(logits, normals(random, logits)), given(rows, ids(random, rows, vocabulary))],
        apply: (x) => apply(allOps.crossEntropy, x, null),
      };
    },
  },
  {
    op: 'crossEntropyGradient',
    draw: (random) => {
      const rows = drawShape(random, 0, 3);
      const logits = [...rows, vocabulary];
      return {
        inputs: [
          given(logits, normals(random, logits)),
          given(rows, ids(random, rows, vocabulary)),
          given(rows, normals(random, rows)),
        ],
        apply: (x) => apply(allOps.crossEntropyGradient, x, null),
      };
    },
  },
];

/** Queries of `heads` on segments, of which one may have keys and values that all heads share. */
function attention(title: string, counts: readonly Dim[], cap: number | null): OpCase {
  return {
    op: 'attend',
    title,
    draw: (random) => {
      const heads = drawShape(random, 0, 2);
      const rows = choose(random, [1, 'seq']);
      const [size, width] = [1 + random.integer(4), 1 + random.integer(4)];
      const shared = heads.map(() => 1);
      const queries = [...heads, rows, size];
      const segments = counts.flatMap((count): readonly Given[] => {
        const own = choose(random, [heads, shared, []]);
        const shapes = [
          [...own, count, size],
          [...own, count, width],
          [...choose(random, [heads, []]), rows, count],
        ];
        return shapes.map((shape) => given(shape, normals(random, shape)));
      });
      return {
        inputs: [given(queries, normals(random, queries)), ...segments],
        apply: (x) => apply(allOps.attend, x, { cap }),
      };
    },
  };
}

const attentions: readonly OpCase[] = [
  attention('one segment', [4], null),
  attention('two segments', ['batch', 'seq'], null),
  attention('capped', [3, 1], 1.5),
];

const gather: readonly OpCase[] = [
  {
    op: 'gather',
    exact: true,
    draw: (random) => {
      const [rows, width] = [1 + random.integer(6), 1 + random.integer(3)];
      const idShape = drawShape(random, 0, 3);
      return {
        inputs: [given([rows, width], normals(random, [rows, width])), given(idShape, ids(random, idShape, rows))],
        apply: (x) => apply(allOps.gather, x, null),
      };
    },
  },
  ...[6, 1024, 1025].map(
    (rows): OpCase => ({
      op: 'scatterRows',
      title: `${rows} rows`,
      draw: (random) => {
        const width = 1 + random.integer(3);
        const idShape = drawShape(random, 0, 3);
        const dyShape = [...idShape, width];
        // Few distinct ids, the last row among them: rows must add up.
        const target = ids(random, idShape, 3);
        target.data.forEach((id, i) => {
          if (id === 2) target.data[i] = rows - 1;
        });
        return {
          inputs: [given(idShape, target), given(dyShape, normals(random, dyShape))],
          apply: (x) => apply(allOps.scatterRows, x, { shape: [rows, width] }),
        };
      },
    }),
  ),
];

const positions: readonly OpCase[] = [
  {
    op: 'positions',
    exact: true,
    draw: (random) => {
      const shape = drawShape(random, 1);
      const axis = random.integer(shape.length);
      return { inputs: [given(shape, normals(random, shape))], apply: (x) => apply(allOps.positions, x, { axis }) };
    },
  },
  ...(['float', 'int', 'bool'] as const).flatMap((from) =>
    (['float', 'int', 'bool'] as const).map(
      (to): OpCase => ({
        op: 'cast',
        title: `${from} to ${to}`,
        exact: true,
        draw: (random) => {
          const shape = drawShape(random);
          const value = { float: evenSteps(random, shape), int: ids(random, shape, 3), bool: booleans(random, shape) };
          return { inputs: [given(shape, value[from])], apply: (x) => apply(allOps.cast, x, { dtype: to }) };
        },
      }),
    ),
  ),
];

const activations: readonly OpCase[] = (['erf', 'tanh'] as const).flatMap((approximation): OpCase[] => [
  {
    op: 'gelu',
    title: approximation,
    draw: (random) => {
      const shape = drawShape(random);
      return {
        inputs: [given(shape, normals(random, shape))],
        apply: (x) => apply(allOps.gelu, x, { approximation }),
      };
    },
  },
  {
    op: 'geluGradient',
    title: approximation,
    draw: (random) => {
      const shape = drawShape(random);
      return {
        inputs: [given(shape, normals(random, shape)), given(shape, normals(random, shape))],
        apply: (x) => apply(allOps.geluGradient, x, { approximation }),
      };
    },
  },
]);

const norms: readonly OpCase[] = normKinds
  // The catalogue's identity is no node of a graph.
  .filter((kind) => kind.id !== 'none')
  .flatMap((kind) => {
    const drawInputs = (random: Random) => {
      const width = choose(random, [1, 2, 3, 8, 33]);
      const shape = [...drawShape(random, 0, 3), width];
      const parameters = kind.parameters.map((parameter) => {
        const own = parameter.shape === 'vector' ? [width] : [1];
        const noise = normals(random, own);
        const data = noise.data.map((value) => Math.fround(initialValue(parameter, width) + 0.2 * value));
        return given(own, { ...noise, data });
      });
      // Entries away from 0 keep the root mean square of pRMSNorm's few away from its kink, and a large epsilon keeps
      // narrow rows of near-equal entries from being too steep for finite differences.
      const x = given(shape, awayFromZero(random, shape));
      return {
        x,
        dy: given(shape, normals(random, shape)),
        parameters,
        epsilon: choose(random, [0.25, 1]),
      };
    };
    return [
      {
        op: 'norm',
        title: kind.id,
        draw: (random) => {
          const { x, parameters, epsilon } = drawInputs(random);
          return { inputs: [x, ...parameters], apply: (tensors) => apply(allOps.norm, tensors, { kind, epsilon }) };
        },
      },
      {
        op: 'normGradient',
        title: kind.id,
        draw: (random) => {
          const { x, dy, parameters, epsilon } = drawInputs(random);
          return {
            inputs: [x, dy, ...parameters],
            apply: (tensors) => apply(allOps.normGradient, tensors, { kind, epsilon }),
          };
        },
      },
    ] satisfies OpCase[];
  });

/** At least one case for every op. */
export const opCases: readonly OpCase[] = [
  ...elementwise,
  ...reduce,
  ...layout,
  ...matmul,
  ...losses,
  ...attentions,
  ...gather,
  ...positions,
  ...sequenceCases,
  ...activations,
  ...norms,
];

export function titleOf({ op, title }: OpCase): string {
  return title === undefined ? op : `${op}: ${title}`;
}

/** How many numbers a sample's float inputs hold. */
export function floatCount(sample: Sample): number {
  return sample.inputs.reduce(
    (count, { shape, value }) => count + (value.dtype === 'float' ? sizeOf(shapeOf(shape)) : 0),
    0,
  );
}
