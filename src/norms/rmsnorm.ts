import { type Affine, affineReference, lowerGain, type NormalizedRow, type RowNorm } from './affine.ts';
import { withAffine } from './cost.ts';
import { defineNorm } from './define.ts';
import type { NormKind } from './kind.ts';
import { fusedNorm, plainNorm, standardize, weightedMean } from './lowering.ts';
import { biasVector, parameterOf, weightVector } from './parameters.ts';
import { dot } from './vector.ts';

interface RMSNormRow extends NormalizedRow {
  readonly inverse: number;
}

const rowNorm: RowNorm<RMSNormRow> = {
  normalize: (row, { epsilon }) => {
    const inverse = 1 / Math.sqrt(dot(row, row) / row.length + epsilon);
    return { normalized: row.map((value) => value * inverse), inverse };
  },
  gradient: (upstream, { normalized, inverse }) => {
    const projection = dot(upstream, normalized) / upstream.length;
    return upstream.map((g, i) => inverse * (g - (normalized[i] ?? Number.NaN) * projection));
  },
};

function rmsNorm(
  facts: Pick<NormKind, 'id' | 'name' | 'formula' | 'castPoint' | 'defaultEpsilon' | 'citations'>,
  affine: Affine,
): NormKind {
  return defineNorm({
    ...facts,
    parameters: [...(affine.weight ? [weightVector(affine.offset)] : []), ...(affine.bias ? [biasVector] : [])],
    epsilonPlacement: 'inside',
    weightOffset: affine.offset,
    ...affineReference(rowNorm, affine),
    lowerForward: (b, x, parameters, context) => {
      const gain = lowerGain(b, parameters, affine) ?? b.ones(context.width);
      const y = fusedNorm(b, 'SimplifiedLayerNormalization', [x, gain], context.epsilon);
      return affine.bias ? b.add(y, parameterOf(parameters, 'bias')) : y;
    },
    lowerPlain: (b, x, parameters, { epsilon }) =>
      plainNorm(b, x, {
        centred: false,
        gain: lowerGain(b, parameters, affine),
        bias: affine.bias ? parameterOf(parameters, 'bias') : undefined,
        epsilon,
      }),
    lowerBackward: (b, x, dy, parameters, context) => {
      const gain = lowerGain(b, parameters, affine);
      const { normalized, inverse } = standardize(b, 'SimplifiedLayerNormalization', x, context.width, context.epsilon);
      const product = b.mul(dy, normalized);
      const upstream = gain === undefined ? dy : b.mul(dy, gain);
      const parallel = b.mul(normalized, weightedMean(b, product, gain));
      return {
        dx: b.mul(b.sub(upstream, parallel), inverse),
        parameters: {
          ...(affine.weight && { weight: b.sumRows(product) }),
          ...(affine.bias && { bias: b.sumRows(dy) }),
        },
      };
    },
    // Forward: mean square 2, scaling 1. Backward: x̂ 1, one mean 2, dx 3.
    cost: withAffine({ perElement: 3, perRow: 4, tensors: 2 }, { perElement: 6, perRow: 1, tensors: 3 }, affine),
    invariances: { shift: false, scale: true, perRow: true },
  });
}

const normalized = String.raw`\frac{x}{\sqrt{\frac{1}{d}\sum_i x_i^2 + \varepsilon}}`;

/** Weight only: T5, Llama, Qwen, OLMo 2. [RMSNorm §3] */
export const rmsnorm = rmsNorm(
  {
    id: 'rmsnorm',
    name: 'RMSNorm',
    formula: String.raw`y = \gamma \odot ${normalized}`,
    castPoint: 'before-weight',
    defaultEpsilon: 1e-5,
    citations: ['zhang2019rmsnorm', 'touvron2023llama'],
  },
  { weight: true, bias: false, offset: 0 },
);

/** Weight and bias: what a LayerNorm becomes whose input has mean zero. [Pre-RMSNorm §3.1] */
export const rmsnormBias = rmsNorm(
  {
    id: 'rmsnorm-bias',
    name: 'RMSNorm with bias',
    formula: String.raw`y = \gamma \odot ${normalized} + \beta`,
    castPoint: 'after-weight',
    defaultEpsilon: 1e-5,
    citations: ['zhang2019rmsnorm', 'jiang2023prermsnorm'],
  },
  { weight: true, bias: true, offset: 0 },
);

/** No parameters. [Pre-RMSNorm §2, Eq. 2] */
export const rmsnormNonparametric = rmsNorm(
  {
    id: 'rmsnorm-nonparametric',
    name: 'Non-parametric RMSNorm',
    formula: `y = ${normalized}`,
    castPoint: 'after-weight',
    defaultEpsilon: 1e-5,
    citations: ['zhang2019rmsnorm', 'jiang2023prermsnorm'],
  },
  { weight: false, bias: false, offset: 0 },
);

/** Weight, stored as `γ − 1`, and bias: what a LayerNorm1P becomes whose input has mean zero. [Pre-RMSNorm §3.1] */
export const rmsnorm1p = rmsNorm(
  {
    id: 'rmsnorm1p',
    name: 'RMSNorm1P with bias',
    formula: String.raw`y = (1 + w) \odot ${normalized} + \beta`,
    castPoint: 'after-weight',
    defaultEpsilon: 1e-5,
    citations: ['zhang2019rmsnorm', 'jiang2023prermsnorm'],
  },
  { weight: true, bias: true, offset: 1 },
);

/** The checkpoint stores `γ − 1`, and half precision multiplies before it rounds: Gemma 1 to 3. */
export const rmsnormGemma = rmsNorm(
  {
    id: 'rmsnorm-gemma',
    name: 'RMSNorm (Gemma)',
    formula: String.raw`y = (1 + w) \odot ${normalized}`,
    castPoint: 'after-weight',
    defaultEpsilon: 1e-6,
    citations: ['zhang2019rmsnorm', 'mesnard2024gemma'],
  },
  { weight: true, bias: false, offset: 1 },
);
