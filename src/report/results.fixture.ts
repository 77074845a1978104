import type { NormRuns, PairedDifference, StudyResults, TrainingResults } from './results.ts';

/** Invented results for tests. No number here was measured. */
export interface SyntheticOptions {
  /** Mean of RMSNorm's final loss minus LayerNorm's. */
  readonly difference?: number;
  /** Half the width of its confidence interval. */
  readonly halfWidth?: number;
  readonly margin?: number;
  readonly equivalent?: boolean;
  readonly seeds?: number;
  /** How many runs of each of the two norms diverge. */
  readonly diverged?: { readonly layernorm?: number; readonly rmsnorm?: number };
  readonly parameters?: number;
  /** Ids of further norms after the five that are always there. */
  readonly moreNorms?: readonly string[];
}

const steps = 2000;

/** A noise-like value in [−1, 1] that is the same on every call. */
function wobble(...keys: readonly number[]): number {
  const x = Math.sin(keys.reduce((sum, key, i) => sum + key * (12.9898 + 65.41 * i), 1)) * 43758.5453;
  return 2 * (x - Math.floor(x)) - 1;
}

function syntheticRun(norm: number, seed: number, offset: number, diverged: boolean): NormRuns['runs'][number] {
  const end = diverged ? 620 : steps;
  const sampled = (every: number) => Array.from({ length: Math.floor(end / every) + 1 }, (_, i) => i * every);
  const loss = (step: number) =>
    1.52 +
    4 * Math.exp(-step / 110) +
    0.9 * Math.exp(-step / 700) +
    offset +
    0.006 * wobble(seed, 7) +
    0.004 * wobble(norm, seed, step);
  const spikeSteps = norm === 3 ? [640, 1200 + 100 * seed] : norm === 0 && seed === 1 ? [880] : [];
  const validationCurve = sampled(50).map((step) => ({
    step,
    loss: loss(step) + (diverged ? Math.exp((step - 560) / 20) : 0),
  }));
  return {
    seed,
    finalValidationLoss: diverged ? null : loss(steps),
    validationCurve,
    gradNorms: sampled(20).map((step) => ({
      step,
      value:
        (spikeSteps.includes(step) ? 9 : 1) *
        (0.35 + 1.6 * Math.exp(-step / 90)) *
        (1 + 0.18 * wobble(norm, seed, step, 3)),
    })),
    spikeSteps,
    gradNormSpikeScore: (100 * spikeSteps.length) / steps,
    lossSpikeScore: 0,
    meanGradNorm: diverged ? null : 0.41 + 0.01 * norm,
    tokensPerSecond: 17_300 + 400 * norm,
    diverged,
  };
}

function syntheticPair(
  n: number,
  options: Required<Pick<SyntheticOptions, 'difference' | 'halfWidth' | 'margin' | 'equivalent'>>,
): PairedDifference {
  const { difference, halfWidth, margin, equivalent } = options;
  if (n === 1) {
    return { difference, ci: null, level: 0.95, pValue: null, n, equivalence: null, smallestDetectable: null };
  }
  return {
    difference,
    ci: [difference - halfWidth, difference + halfWidth],
    level: 0.95,
    pValue: Math.abs(difference) > halfWidth ? 0.004 : 0.41,
    n,
    equivalence: { margin, pValue: equivalent ? 0.006 : 0.3, equivalent },
    smallestDetectable: 1.4 * halfWidth,
  };
}

function syntheticTraining(options: SyntheticOptions): TrainingResults {
  const { difference = 0.0012, halfWidth = 0.0033, margin = 0.01, seeds: seedCount = 5 } = options;
  const equivalent = options.equivalent ?? Math.abs(difference) + halfWidth < margin;
  const seeds = Array.from({ length: seedCount }, (_, i) => i + 1);
  const lost: Readonly<Record<string, number | undefined>> = { ...options.diverged };
  const norms = [
    { id: 'layernorm', name: 'LayerNorm', offset: 0 },
    { id: 'rmsnorm', name: 'RMSNorm', offset: difference },
    { id: 'crmsnorm', name: 'CRMSNorm', offset: 0.0004 },
    { id: 'layernorm-nonparametric', name: 'LayerNorm without parameters', offset: 0.021 },
    { id: 'dyt', name: 'DyT', offset: 0.034 },
    ...(options.moreNorms ?? []).map((id, i) => ({ id, name: id, offset: 0.02 * wobble(i, 5) })),
  ].map(({ id, name, offset }, i): NormRuns => {
    const runs = seeds.map((seed, j) => syntheticRun(i, seed, offset, j < (lost[id] ?? 0)));
    const losses = runs.flatMap((run) => run.finalValidationLoss ?? []);
    const mean = losses.length === 0 ? null : losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    const pairs = seedCount - Math.max(lost[id] ?? 0, lost.layernorm ?? 0);
    return {
      id,
      name,
      runs,
      meanFinalLoss: mean,
      sdFinalLoss: losses.length > 1 ? 0.0041 : null,
      paired:
        i === 0 || pairs === 0
          ? null
          : syntheticPair(pairs, {
              difference: offset,
              halfWidth: halfWidth * (1 + 0.2 * (i - 1)),
              margin,
              equivalent: id === 'rmsnorm' ? equivalent : Math.abs(offset) < margin,
            }),
    };
  });
  return {
    model: {
      layers: 4,
      hiddenSize: 128,
      heads: 4,
      context: 128,
      vocabularySize: 256,
      parameters: options.parameters ?? 880_000,
    },
    optimizer: {
      name: 'AdamW',
      learningRate: 0.002,
      batch: 16,
      steps,
      tokensPerRun: steps * 16 * 128,
      other: { 'warm-up steps': 100, 'weight decay': 0.1, 'gradient clipping': 1, schedule: 'cosine to 10%' },
    },
    corpus: { name: 'a synthetic corpus', bytes: 11_200_000, unigramEntropy: 3.08, bigramEntropy: 2.41 },
    seeds,
    baseline: 'layernorm',
    norms,
    missing: [],
  };
}

const composed =
  'Matrix products, attention and norms were timed alone at the model’s shapes and added up, each as often as the model runs it.';

function syntheticSpeed(): NonNullable<StudyResults['speed']> {
  const norms = [
    { id: 'layernorm', cost: 1 },
    { id: 'rmsnorm', cost: 0.71 },
    { id: 'crmsnorm', cost: 1.62 },
  ];
  const sizes = [
    { size: 'GPT-3 Small', layers: 12, hiddenSize: 768, total: 182, share: 0.034 },
    { size: 'GPT-3 Medium', layers: 24, hiddenSize: 1024, total: 610, share: 0.021 },
    { size: 'GPT-3 Large', layers: 24, hiddenSize: 1536, total: 1312, share: 0.014 },
    { size: 'GPT-3 XL', layers: 24, hiddenSize: 2048, total: 2275, share: 0.009 },
  ];
  return {
    runtimeLabel: 'ONNX Runtime 0.0 (synthetic), 2 threads',
    copyGigabytesPerSecond: 9.4,
    matmulGflops: 183,
    ops: (['forward', 'backward'] as const).flatMap((direction, d) =>
      [768, 2048].flatMap((width) =>
        norms.map(({ id, cost }) => {
          const microseconds = (512 * width * (1.2 + 1.1 * d) * cost) / 4000;
          return {
            norm: id,
            direction,
            rows: 512,
            width,
            microseconds,
            gigabytesPerSecond: (512 * width * 8) / microseconds / 1000,
            fractionOfCopy: 0.71 / cost / (1 + 0.4 * d),
            ratioToLayerNorm: { ratio: cost, ci: id === 'layernorm' ? [1, 1] : [cost - 0.04, cost + 0.05] },
          } as const;
        }),
      ),
    ),
    shares: sizes.map(({ size, layers, hiddenSize, total, share }) => ({
      size,
      layers,
      hiddenSize,
      batch: 1,
      tokens: 512,
      norms: [
        ...norms.map(({ id, cost }) => ({ id, relative: 1 - share + share * cost })),
        { id: 'none', relative: 1 - share },
      ].map(({ id, relative }) => ({
        norm: id,
        milliseconds: total * relative,
        relativeToLayerNorm: relative,
        ci: id === 'layernorm' ? ([1, 1] as const) : ([relative - 0.004, relative + 0.005] as const),
      })),
      normShare: { value: share, ci: [share - 0.005, share + 0.004] as const },
      composed,
    })),
    paper: {
      source: { label: 'Jiang et al. 2023, Fig. 5', url: 'https://arxiv.org/abs/2305.14858' },
      setting: 'A100, PyTorch 2.0 with amp, batch 1, 512 tokens',
      readOffUncertainty: 0.01,
      figures: [
        { size: 'GPT-3 Small', withoutNorm: 0.86, preLn: 1, preRms: 0.9, preCrms: 0.89 },
        { size: 'GPT-3 Medium', withoutNorm: 0.95, preLn: 1, preRms: 0.97, preCrms: 0.96 },
        { size: 'GPT-3 Large', withoutNorm: 0.94, preLn: 1, preRms: 0.95, preCrms: 0.95 },
        { size: 'GPT-3 XL', withoutNorm: 1, preLn: 1, preRms: 1, preCrms: 1 },
      ],
    },
  };
}

function syntheticConversions(): NonNullable<StudyResults['conversions']> {
  const difference = (maxAbsLogit: number) => ({
    maxAbsLogit,
    nmse: maxAbsLogit ** 2 / 40,
    kl: maxAbsLogit ** 2 / 10,
    top1Agreement: 1,
  });
  return (['rmsnorm', 'crmsnorm'] as const).map((target, i) => ({
    source: "the study's own LayerNorm model, seed 1",
    target,
    dtype: 'float32',
    certificate: {
      algebra: difference(3.4e-14 * (1 + i)),
      stored: difference(2.1e-6 * (1 + i)),
      run: difference(7.6e-6 * (1 + i)),
      floor: difference(1.8e-6),
      passed: true,
    },
    validationLossBefore: 1.5412,
    validationLossAfter: 1.5412,
    tensorsRewritten: 18 + 9 * i,
    note: i === 0 ? 'The head was untied.' : '',
  }));
}

function syntheticEvidence(): NonNullable<StudyResults['evidence']> {
  const source = { label: 'Synthetic et al., §2', url: 'https://example.org/paper?a=1&b=2' };
  const models = ['Alpha', 'Beta', 'Gamma', 'Delta', 'Epsilon', 'Zeta'];
  return {
    rows: models.map((model, i) => ({
      model: `${model}-${i + 1} <7B> & friends`,
      norm: i < 2 ? 'LayerNorm' : 'RMSNorm',
      placement: i === 4 ? 'output' : 'pre',
      epsilon: i === 0 ? null : '1e-5',
      statedReason: i === 3 ? 'Said to keep quality and to cost less; a citation, no numbers.' : null,
      ablation: i === 4 ? 'No difference between the two; no number printed.' : null,
      source: i === 5 ? { label: 'its configuration file', url: null } : source,
      confidence: 'read',
    })),
    quantitative: [
      {
        paper: 'Synthetic 2021',
        setting: '223M encoder–decoder',
        result: 'loss 1.838 (LayerNorm), 1.821 (RMSNorm); +5.1% steps/s',
        source,
      },
    ],
    corrections: [
      {
        belief: 'Alpha took RMSNorm from GPT-3.',
        correction: 'GPT-3 uses LayerNorm; what Alpha took is pre-normalization.',
        source,
      },
    ],
    summary: {
      models: 6,
      layerNorm: 2,
      rmsNorm: 4,
      reportsRead: 5,
      statedReason: 1,
      ablation: 1,
      comparisonsWithNumbers: 3,
      comparisonsAtOneBillion: 0,
    },
  };
}

export function syntheticResults(options: SyntheticOptions = {}): StudyResults {
  return {
    schemaVersion: 2,
    profile: 'synthetic',
    createdAt: '2026-01-02T03:04:05.000Z',
    normlabVersion: '0.0.0-synthetic',
    machine: {
      cpu: 'Synthetic CPU 9000',
      cores: 2,
      memoryGiB: 16,
      platform: 'linux x64',
      node: '20.20.0',
      onnxruntime: '0.0.0',
    },
    elapsedSeconds: 5025,
    commands: ['npx normlab study --profile synthetic --seeds 5'],
    model: null,
    training: syntheticTraining(options),
    speed: syntheticSpeed(),
    conversions: syntheticConversions(),
    evidence: syntheticEvidence(),
    notMeasured: { model: 'no model was named' },
  };
}

/** Results with parts taken out, each with a reason. */
export function without(results: StudyResults, ...gone: readonly (keyof StudyResults['notMeasured'])[]): StudyResults {
  const parts = Object.fromEntries(gone.map((part) => [part, null]));
  const notMeasured = Object.fromEntries(gone.map((part) => [part, `${part} was switched off`]));
  return { ...results, ...parts, notMeasured: { ...results.notMeasured, ...notMeasured } };
}
