import { affineReference, type NormalizedRow, type RowNorm } from './affine.ts';
import { fusedCost } from './cost.ts';
import { defineNorm } from './define.ts';
import { fusedNorm, standardize } from './lowering.ts';
import { dot, sum } from './vector.ts';

interface CRMSNormRow extends NormalizedRow {
  readonly inverse: number;
}

/** The last coordinate of the full vector is `−Σx`, so that its square enters the mean and its gradient every entry. */
const rowNorm: RowNorm<CRMSNormRow> = {
  normalize: (row, { epsilon }) => {
    const total = sum(row);
    const inverse = 1 / Math.sqrt((dot(row, row) + total * total) / (row.length + 1) + epsilon);
    return { normalized: row.map((value) => value * inverse), inverse };
  },
  gradient: (upstream, { normalized, inverse }) => {
    const total = sum(normalized);
    const projection = dot(upstream, normalized) / (upstream.length + 1);
    return upstream.map((g, i) => inverse * (g - ((normalized[i] ?? Number.NaN) + total) * projection));
  },
};

/**
 * RMSNorm of a zero-mean vector of which all entries but the last are stored. [Pre-RMSNorm §3.2, Eq. 5]
 *
 * Here `width = d − 1`. On an engine it is RMSNorm with epsilon `ε·(width + 1)/width`, whose output `u` is then multiplied
 * by `sqrt((width + 1) / (width + (Σu)²))`.
 */
export const crmsnorm = defineNorm({
  id: 'crmsnorm',
  name: 'CRMSNorm',
  formula: String.raw`y = \frac{x}{\sqrt{\frac{1}{d}\left(\sum_{i<d} x_i^2 + \left(\sum_{i<d} x_i\right)^2\right) + \varepsilon}}, \quad x \in \mathbb{R}^{d-1}`,
  parameters: [],
  epsilonPlacement: 'inside',
  castPoint: 'after-weight',
  weightOffset: 0,
  defaultEpsilon: 1e-5,
  ...affineReference(rowNorm, { weight: false, bias: false, offset: 0 }),
  lowerForward: (b, x, _parameters, { width, epsilon }) => {
    const u = fusedNorm(b, 'SimplifiedLayerNormalization', [x, b.ones(width)], (epsilon * (width + 1)) / width);
    const total = b.sum(u);
    const meanSquare = b.mul(b.add(b.mul(total, total), b.constant(width)), b.constant(1 / (width + 1)));
    return b.mul(u, b.reciprocal(b.sqrt(meanSquare)));
  },
  lowerPlain: (b, x, _parameters, { width, epsilon }) => {
    const total = b.sum(x);
    const squares = b.add(b.sum(b.mul(x, x)), b.mul(total, total));
    const meanSquare = b.mul(squares, b.constant(1 / (width + 1)));
    return b.mul(x, b.reciprocal(b.sqrt(b.add(meanSquare, b.constant(epsilon)))));
  },
  lowerBackward: (b, x, dy, _parameters, { width, epsilon }) => {
    const rms = standardize(b, 'SimplifiedLayerNormalization', x, width, (epsilon * (width + 1)) / width);
    const u = rms.normalized;
    const total = b.sum(u);
    const meanSquare = b.mul(b.add(b.mul(total, total), b.constant(width)), b.constant(1 / (width + 1)));
    // y = u·r, so that (y + Σy)·mean(dy·y) is (u + Σu)·Σ(dy·u)·r²/(width + 1), and r² is the reciprocal of meanSquare.
    const projection = b.div(b.sum(b.mul(dy, u)), b.mul(meanSquare, b.constant(width + 1)));
    const parallel = b.mul(b.add(u, total), projection);
    const inverse = b.div(rms.inverse, b.sqrt(meanSquare));
    return { dx: b.mul(b.sub(dy, parallel), inverse), parameters: {} };
  },
  // Forward: two sums 3, scaling 1. Backward: y 1, one mean 2, dx 4.
  cost: fusedCost({ perElement: 4, perRow: 6, tensors: 2 }, { perElement: 7, perRow: 1, tensors: 3 }),
  invariances: { shift: false, scale: true, perRow: true },
  citations: ['jiang2023prermsnorm'],
});
