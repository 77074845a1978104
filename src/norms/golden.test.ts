import { describe, expect, it } from 'vitest';
import { readGoldenCases, readGoldenTensors } from './golden.fixture.ts';
import { type NormKind, normKind } from './index.ts';

/**
 * Two float64 computations of one row differ by what both round. With u = 2⁻⁵³ and n entries, and writing r for (n + 8)·u
 * (a sum of n terms and a handful of further operations, in any order):
 *
 * - LayerNorm's mean is off by at most r·max|x|, and so is every centred entry; the variance feels that in second order
 *   only. So |δx̂| ≤ r·(|x̂| + max|x|·inv): the factor max|x|·inv is what makes a large offset hard.
 * - RMSNorm sums squares: |δx̂| ≤ r·|x̂|.
 * - CRMSNorm adds (Σz)², whose error is at most 2·|Σz|·r·Σ|z|: |δx̂| ≤ r·|x̂|·(1 + |Σz|·Σ|z| / (Σz² + (Σz)²)).
 *
 * From e = max|δx̂|, M = max|x̂|, T = |Σx̂|, A = Σ|x̂| (T = A = 0 but for CRMSNorm), G = max|dy·γ|, and as means of g and g·x̂ are at most G:
 *
 * - |δy| ≤ |γ|·e + u·|y|;
 * - |δdx| ≤ inv·G·(e·(2 + M + T) + r·(4 + 2M + 2T + A)), from inv·(g − mean(g) − (x̂ + T)·mean(g·x̂));
 * - |δdw| ≤ Σ|dy|·(e + rows·u·M), |δdb| ≤ rows·u·Σ|dy|.
 *
 * Both sides round, so every bound counts twice. These are worst cases; where no row's offset is large beside its deviation
 * (max|x|·inv up to 100) the two also agree to 1e-12 of the largest value. Rows of one or two entries are left out of that:
 * centred they are 0 and ±1, and their gradient is what remains of a cancellation.
 */
const unit = 2 ** -53;

type Family = 'ln' | 'rms' | 'crms';

const maxOf = (values: Float64Array): number => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
const sumOf = (values: Float64Array, f = (value: number) => value): number => values.reduce((s, v) => s + f(v), 0);

function rowBounds(family: Family, row: Float64Array, epsilon: number) {
  const n = row.length;
  const r = (n + 8) * unit;
  const total = sumOf(row);
  const mean = family === 'ln' ? total / n : 0;
  const squares = sumOf(row, (value) => (value - mean) ** 2);
  const inverse = 1 / Math.sqrt((family === 'crms' ? (squares + total * total) / (n + 1) : squares / n) + epsilon);
  const largest = maxOf(row.map((value) => value - mean)) * inverse;
  const magnitudes = sumOf(row, Math.abs);
  const shift = family === 'crms' ? Math.abs(total) * inverse : 0;
  const absolute = family === 'crms' ? magnitudes * inverse : 0;
  const condition = family === 'crms' && squares > 0 ? (Math.abs(total) * magnitudes) / (squares + total * total) : 0;
  const error = r * (largest * (1 + condition) + (family === 'ln' ? maxOf(row) * inverse : 0));
  const gradient = inverse * (error * (2 + largest + shift) + r * (4 + 2 * largest + 2 * shift + absolute));
  return { error, largest, gradient, offset: maxOf(row) * inverse };
}

type Bounds = ReturnType<typeof rowBounds>;

const noBounds: Bounds = { error: 0, largest: 0, gradient: 0, offset: 0 };

const isWellConditioned = (rows: readonly Bounds[], width: number): boolean =>
  width > 2 && rows.every(({ offset }) => offset <= 100);

const boundsOf = (family: Family, x: Float64Array, width: number, epsilon: number): readonly Bounds[] =>
  Array.from({ length: x.length / width }, (_, r) =>
    rowBounds(family, x.subarray(r * width, (r + 1) * width), epsilon),
  );

const cases = readGoldenCases();
const tensors = readGoldenTensors();

function tensor(name: string): Float64Array {
  const found = tensors.get(name);
  if (!found) throw new Error(`${name} is not in the fixture`);
  return found;
}

interface Limits {
  readonly bound: (i: number) => number;
  readonly wellConditioned: boolean;
}

function expectWithin(actual: Float64Array, expected: Float64Array, limits: Limits, what: string): void {
  expect(actual.length, what).toBe(expected.length);
  const relative = limits.wellConditioned ? 1e-12 * maxOf(expected) : Number.POSITIVE_INFINITY;
  actual.forEach((value, i) => {
    const difference = Math.abs(value - (expected[i] ?? Number.NaN));
    expect(difference, `${what}[${i}]`).toBeLessThanOrEqual(Math.min(2 * limits.bound(i), relative));
  });
}

interface Inputs {
  readonly x: Float64Array;
  readonly dy: Float64Array;
  readonly width: number;
  readonly parameters: Readonly<Record<string, Float64Array>>;
}

function checkAgainst(name: string, family: Family, kind: NormKind, { x, dy, width, parameters }: Inputs): void {
  const epsilon = cases[name]?.eps ?? Number.NaN;
  const context = { width, epsilon };
  const rows = x.length / width;
  const bounds = boundsOf(family, x, width, epsilon);
  const boundsAt = (i: number) => bounds[Math.floor(i / width)] ?? noBounds;
  const wellConditioned = isWellConditioned(bounds, width);
  const gain = (i: number) => Math.abs(parameters.weight?.[i % width] ?? 1);
  const y = tensor(`${name}.${family}.y`);
  expectWithin(
    kind.forward(x, parameters, context),
    y,
    { bound: (i) => gain(i) * boundsAt(i).error + unit * Math.abs(y[i] ?? 0), wellConditioned },
    'y',
  );
  const gradient = kind.backward(x, dy, parameters, context);
  const upstream = maxOf(dy.map((g, i) => g * gain(i)));
  expectWithin(
    gradient.dx,
    tensor(`${name}.${family}.${family === 'crms' ? 'dz' : 'dx'}`),
    { bound: (i) => upstream * boundsAt(i).gradient, wellConditioned },
    'dx',
  );
  const error = Math.max(...bounds.map((b) => b.error));
  const largest = Math.max(...bounds.map((b) => b.largest));
  const column = (i: number) =>
    sumOf(
      dy.filter((_, k) => k % width === i),
      Math.abs,
    );
  for (const parameter of kind.parameters) {
    const actual = gradient.parameters[parameter.name] ?? new Float64Array();
    const [golden, bound] =
      parameter.name === 'weight' ? (['dw', error + rows * unit * largest] as const) : (['db', rows * unit] as const);
    expectWithin(
      actual,
      tensor(`${name}.${family}.${golden}`),
      { bound: (i) => bound * column(i), wellConditioned },
      golden,
    );
  }
}

describe('against PyTorch in float64', () => {
  it('has 44 cases', () => expect(Object.keys(cases)).toHaveLength(44));

  describe.each(Object.entries(cases))('%s', (name, { shape }) => {
    const width = shape.at(-1) ?? 0;
    const x = tensor(`${name}.x`);
    const dy = tensor(`${name}.dy`);
    const weight = tensor(`${name}.weight`);
    const bias = tensor(`${name}.bias`);

    it('layernorm', () =>
      checkAgainst(name, 'ln', normKind('layernorm'), { x, dy, width, parameters: { weight, bias } }));

    it('rmsnorm', () => checkAgainst(name, 'rms', normKind('rmsnorm'), { x, dy, width, parameters: { weight } }));

    it('layernorm-nonparametric', () => {
      const epsilon = cases[name]?.eps ?? Number.NaN;
      const y = normKind('layernorm-nonparametric').forward(x, {}, { width, epsilon });
      const bounds = boundsOf('ln', x, width, epsilon);
      const bound = (i: number) => (bounds[Math.floor(i / width)] ?? noBounds).error;
      const wellConditioned = isWellConditioned(bounds, width);
      expectWithin(y, tensor(`${name}.ln_noaffine.y`), { bound, wellConditioned }, 'y');
    });

    it.skipIf(width === 1)('crmsnorm', () => {
      const z = tensor(`${name}.crms.z`);
      const dz = dy.filter((_, i) => i % width !== width - 1);
      checkAgainst(name, 'crms', normKind('crmsnorm'), { x: z, dy: dz, width: width - 1, parameters: {} });
    });
  });
});
