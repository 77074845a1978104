import { describe, expect, it } from 'vitest';
import {
  add,
  evaluate,
  gradients,
  input,
  makeValue,
  mul,
  parameter,
  reshape,
  scale,
  sum,
  type Tensor,
} from './index.ts';
import { type AdamWState, adamw, adamwScalars, globalNormClip } from './optimizer.ts';
import { constant } from './tensor.ts';

/*
PyTorch 1.13.1, float64:

a = torch.nn.Parameter(torch.tensor([[0.5, -1.25, 2.0], [0.75, -0.1, 0.3]]))
b = torch.nn.Parameter(torch.tensor([0.2, -0.4, 1.5]))
groups = [{'params': [a], 'weight_decay': 0.1}, {'params': [b], 'weight_decay': 0.0}]
opt = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)
for t in range(1, 6):
    for group in opt.param_groups: group['lr'] = 0.01 * t
    opt.zero_grad()
    ((torch.sum(a ** 4) + torch.sum(b ** 4)) / 4 * 10 ** (1 - t / 2)).backward()
    norm = torch.nn.utils.clip_grad_norm_([a, b], 1.0)
    opt.step()
    print(norm.item(), a.flatten().tolist(), b.tolist())
print([opt.state[p][key].flatten().tolist() for key in ('exp_avg', 'exp_avg_sq') for p in (a, b)])
*/
const steps = [
  {
    norm: 28.178682684123117,
    a: [
      0.4895000071287007, -1.238750000456237, 1.988000000111386, 0.7392500021122086, -0.08990089100882233,
      0.28970003300315844,
    ],
    b: [0.19000011138478673, -0.3900000139232341, 1.4900000002640261],
  },
  {
    norm: 8.744553693731781,
    a: [
      0.4685381460656311, -1.2162749077634452, 1.9640237892429568, 0.7177796084462869, -0.07002335442781597,
      0.26916235075863776,
    ],
    b: [0.17008214100243277, -0.37002360939874884, 1.4700003351539195],
  },
  {
    norm: 2.6622137698664363,
    a: [
      0.437256052736334, -1.182641451681862, 1.9281304460623168, 0.6856814135978013, -0.042235254368924335,
      0.23867815769841785,
    ],
    b: [0.14074685353784153, -0.3401984547522181, 1.4400024320344695],
  },
  {
    norm: 0.7946555889308413,
    a: [
      0.39661333661593434, -1.138388809970631, 1.8807770136956736, 0.6436662172757308, -0.010365001948414422,
      0.19978693149131788,
    ],
    b: [0.10419918879697321, -0.30156857706468404, 1.4003870858824483],
  },
  {
    norm: 0.23249850186498489,
    a: [
      0.3509056197368204, -1.0875628620353381, 1.8259205813311972, 0.5959157934611518, 0.02362709247671281,
      0.15680475341678488,
    ],
    b: [0.0643513842166849, -0.2583598691171895, 1.355006009892437],
  },
];
const lastMoments = {
  firstA: [
    0.003837488362438094, -0.06709108216479902, 0.2828473245095513, 0.01377695273075244, -1.7405298672348115e-5,
    0.0007367014687563319,
  ],
  firstB: [0.00019209406027693697, -0.0018942796303553372, 0.11854827340459237],
  secondA: [
    2.5976511591336866e-5, 0.007451814001074535, 0.13059539638073508, 0.00032277514232159827, 8.866124822335673e-10,
    1.038406092099658e-6,
  ],
  secondB: [7.836903546291546e-8, 6.481629162017229e-6, 0.023013413734735748],
};

const options = { beta1: 0.9, beta2: 0.95 };
const maxNorm = 1;

function stateOf(name: string, shape: readonly number[]): AdamWState {
  return {
    parameter: parameter(name, shape),
    firstMoment: input(`${name}.first`, 'float', shape),
    secondMoment: input(`${name}.second`, 'float', shape),
  };
}

function fourthPowers(x: Tensor): Tensor {
  const square = mul(x, x);
  return reshape(sum(mul(square, square)), [1]);
}

function largestRelativeGap(actual: ArrayLike<number> | undefined, expected: readonly number[]): number {
  return Math.max(...expected.map((value, i) => Math.abs(((actual?.[i] ?? Number.NaN) - value) / value)));
}

describe('AdamW with clipping', () => {
  it('takes the steps that PyTorch takes', () => {
    const a = stateOf('a', [2, 3]);
    const b = stateOf('b', [3]);
    const factor = input('factor', 'float', [1]);
    const loss = mul(scale(add(fourthPowers(a.parameter), fourthPowers(b.parameter)), 0.25), factor);
    const [da, db] = gradients(loss, [a.parameter, b.parameter]);
    if (da === undefined || db === undefined) throw new Error('two gradients expected');
    const clip = globalNormClip([da, db], maxNorm);
    const scalars = {
      stepSize: input('stepSize', 'float', [1]),
      epsilon: input('epsilon', 'float', [1]),
      decay: input('decay', 'float', [1]),
    };
    const nextA = adamw(a, da, clip.factor, scalars, options, true);
    const nextB = adamw(b, db, clip.factor, scalars, options, false);
    const outputs = [
      clip.norm,
      ...[nextA, nextB].flatMap((next) => [next.parameter, next.firstMoment, next.secondMoment]),
    ];

    let state = [
      makeValue('float', [2, 3], [0.5, -1.25, 2, 0.75, -0.1, 0.3]),
      makeValue('float', [2, 3], new Float64Array(6)),
      makeValue('float', [2, 3], new Float64Array(6)),
      makeValue('float', [3], [0.2, -0.4, 1.5]),
      makeValue('float', [3], new Float64Array(3)),
      makeValue('float', [3], new Float64Array(3)),
    ];
    const names = ['a', 'a.first', 'a.second', 'b', 'b.first', 'b.second'];
    for (const [i, expected] of steps.entries()) {
      const t = i + 1;
      const now = adamwScalars(t, options, { learningRate: 0.01 * t, epsilon: 1e-8, weightDecay: 0.1 });
      const given = { ...now, factor: 10 ** (1 - t / 2) };
      const feeds = Object.fromEntries([
        ...names.map((name, k) => [name, state[k]]),
        ...Object.entries(given).map(([name, value]) => [name, makeValue('float', [1], [value])]),
      ]);
      const [norm, ...next] = evaluate(outputs, feeds);
      state = next;
      expect(largestRelativeGap(norm?.data, [expected.norm])).toBeLessThan(1e-14);
      expect(largestRelativeGap(state[0]?.data, expected.a)).toBeLessThan(1e-13);
      expect(largestRelativeGap(state[3]?.data, expected.b)).toBeLessThan(1e-13);
    }
    expect(largestRelativeGap(state[1]?.data, lastMoments.firstA)).toBeLessThan(1e-13);
    expect(largestRelativeGap(state[4]?.data, lastMoments.firstB)).toBeLessThan(1e-13);
    expect(largestRelativeGap(state[2]?.data, lastMoments.secondA)).toBeLessThan(1e-13);
    expect(largestRelativeGap(state[5]?.data, lastMoments.secondB)).toBeLessThan(1e-13);
  });

  it('has steps that are clipped and steps that are not', () => {
    expect(steps.map(({ norm }) => norm > maxNorm)).toEqual([true, true, true, false, false]);
  });
});

describe('globalNormClip', () => {
  const clipped = (values: readonly number[], limit: number | null) => {
    const { norm, factor } = globalNormClip([constant(values), constant([0], [1, 1])], limit);
    return evaluate([norm, factor], {}).map(({ shape, data }) => ({ shape, value: data[0] }));
  };

  it('measures without clipping where there is no limit', () => {
    expect(clipped([3, 4], null)).toEqual([
      { shape: [1], value: 5 },
      { shape: [1], value: 1 },
    ]);
  });

  it('leaves gradients of 0 alone', () => {
    expect(clipped([0, 0], 1).map(({ value }) => value)).toEqual([0, 1]);
  });

  it('clips to the limit', () => {
    expect(clipped([3, 4], 2.5)[1]?.value).toBeCloseTo(0.5, 6);
  });
});
