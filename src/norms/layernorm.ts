import { type Affine, affineReference, lowerGain, type NormalizedRow, type RowNorm } from './affine.ts';
import { withAffine } from './cost.ts';
import { defineNorm } from './define.ts';
import type { NormKind } from './kind.ts';
import { fusedNorm, plainNorm, standardize, weightedMean } from './lowering.ts';
import { biasVector, parameterOf, weightVector } from './parameters.ts';
import { dot, sum } from './vector.ts';

interface LayerNormRow extends NormalizedRow {
  readonly inverse: number;
}

/** Two passes for the variance: one pass cancels when the mean is large beside the deviation. */
const rowNorm: RowNorm<LayerNormRow> = {
  normalize: (row, { epsilon }) => {
    const mean = sum(row) / row.length;
    const centred = row.map((value) => value - mean);
    const inverse = 1 / Math.sqrt(dot(centred, centred) / row.length + epsilon);
    return { normalized: centred.map((value) => value * inverse), inverse };
  },
  gradient: (upstream, { normalized, inverse }) => {
    const mean = sum(upstream) / upstream.length;
    const projection = dot(upstream, normalized) / upstream.length;
    return upstream.map((g, i) => inverse * (g - mean - (normalized[i] ?? Number.NaN) * projection));
  },
};

function layerNorm(
  facts: Pick<NormKind, 'id' | 'name' | 'formula' | 'castPoint' | 'citations'>,
  affine: Affine,
): NormKind {
  return defineNorm({
    ...facts,
    parameters: [...(affine.weight ? [weightVector(affine.offset)] : []), ...(affine.bias ? [biasVector] : [])],
    epsilonPlacement: 'inside',
    weightOffset: affine.offset,
    defaultEpsilon: 1e-5,
    ...affineReference(rowNorm, affine),
    lowerForward: (b, x, parameters, context) => {
      const gain = lowerGain(b, parameters, affine) ?? b.ones(context.width);
      const bias = affine.bias ? [parameterOf(parameters, 'bias')] : [];
      return fusedNorm(b, 'LayerNormalization', [x, gain, ...bias], context.epsilon);
    },
    lowerPlain: (b, x, parameters, { epsilon }) =>
      plainNorm(b, x, {
        centred: true,
        gain: lowerGain(b, parameters, affine),
        bias: affine.bias ? parameterOf(parameters, 'bias') : undefined,
        epsilon,
      }),
    lowerBackward: (b, x, dy, parameters, context) => {
      const gain = lowerGain(b, parameters, affine);
      const { normalized, inverse } = standardize(b, 'LayerNormalization', x, context.width, context.epsilon);
      const product = b.mul(dy, normalized);
      const upstream = gain === undefined ? dy : b.mul(dy, gain);
      const projection = weightedMean(b, product, gain);
      const parallel = b.add(b.mul(normalized, projection), b.mean(upstream));
      return {
        dx: b.mul(b.sub(upstream, parallel), inverse),
        parameters: {
          ...(affine.weight && { weight: b.sumRows(product) }),
          ...(affine.bias && { bias: b.sumRows(dy) }),
        },
      };
    },
    // Forward: mean 1, centring 1, variance 2, scaling 1. Backward: x̂ 2, two means 3, dx 4.
    cost: withAffine({ perElement: 5, perRow: 5, tensors: 2 }, { perElement: 9, perRow: 2, tensors: 3 }, affine),
    invariances: { shift: true, scale: true, perRow: true },
  });
}

const standardized = String.raw`\frac{x - \mu(x)}{\sqrt{\frac{1}{d}\sum_i (x_i - \mu(x))^2 + \varepsilon}}`;

/** Weight and bias: GPT-2, GPT-3, Pythia, OPT. [Ba et al. 2016] */
export const layernorm = layerNorm(
  {
    id: 'layernorm',
    name: 'LayerNorm',
    formula: String.raw`y = \gamma \odot ${standardized} + \beta`,
    castPoint: 'after-weight',
    citations: ['ba2016layernorm', 'brown2020gpt3'],
  },
  { weight: true, bias: true, offset: 0 },
);

/** Weight without bias: Command R, DBRX, MPT, ModernBERT. */
export const layernormNobias = layerNorm(
  {
    id: 'layernorm-nobias',
    name: 'LayerNorm without bias',
    formula: String.raw`y = \gamma \odot ${standardized}`,
    castPoint: 'after-weight',
    citations: ['ba2016layernorm', 'warner2024modernbert'],
  },
  { weight: true, bias: false, offset: 0 },
);

/** No parameters: OLMo 1. */
export const layernormNonparametric = layerNorm(
  {
    id: 'layernorm-nonparametric',
    name: 'Non-parametric LayerNorm',
    formula: `y = ${standardized}`,
    castPoint: 'after-weight',
    citations: ['ba2016layernorm', 'groeneveld2024olmo'],
  },
  { weight: false, bias: false, offset: 0 },
);

/** The checkpoint stores `γ − 1`: Nemotron. */
export const layernorm1p = layerNorm(
  {
    id: 'layernorm1p',
    name: 'LayerNorm1P',
    formula: String.raw`y = (1 + w) \odot ${standardized} + \beta`,
    castPoint: 'after-weight',
    citations: ['ba2016layernorm', 'parmar2024nemotron4'],
  },
  { weight: true, bias: true, offset: 1 },
);
