import { InputError } from '../core/errors.ts';
import { didYouMean } from '../core/suggest.ts';
import { defaultConfig, type TrainConfig } from '../train/index.ts';

/** How much a study measures. */
export interface Profile {
  readonly id: string;
  readonly description: string;
  readonly norms: readonly string[];
  readonly seeds: readonly number[];
  readonly config: TrainConfig;
  readonly speed: {
    /** Shapes `[rows, width]` in which norms are timed alone. */
    readonly rows: number;
    readonly widths: readonly number[];
    readonly norms: readonly string[];
    /** Names of GPT-3 sizes whose forward pass is composed. */
    readonly sizes: readonly string[];
    readonly tokens: number;
    /** Seconds of measuring for each shape, and for each size. */
    readonly secondsPerShape: number;
    readonly secondsPerSize: number;
  };
  /** How a model that the study is asked about is timed (`--model`). */
  readonly model: {
    /** Of the prompt. */
    readonly tokens: number;
    /** What is deeper is composed of some of its layers. */
    readonly layerParameters: number;
    /** For the prompt, and for one token after it. */
    readonly seconds: number;
  };
  /** The element types in which the trained LayerNorm model is converted. */
  readonly conversionDTypes: readonly ('source' | 'bfloat16')[];
}

/** Both kinds with and without learned parameters, so that what the mean does is not mixed up with what the gain does. */
const core = ['layernorm', 'rmsnorm', 'layernorm-nonparametric', 'rmsnorm-nonparametric', 'none'];
const wide = [...core, 'layernorm-nobias', 'crmsnorm', 'prmsnorm', 'scalenorm', 'dyt'];
const seedsTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

function config(
  model: Pick<TrainConfig['model'], 'layers' | 'hiddenSize' | 'heads' | 'context'>,
  batch: number,
  schedule: Omit<TrainConfig['schedule'], 'finalFraction'>,
  validation: TrainConfig['validation'] = defaultConfig.validation,
): TrainConfig {
  return {
    ...defaultConfig,
    model: { ...defaultConfig.model, ...model },
    batch,
    schedule: { ...defaultConfig.schedule, ...schedule },
    validation,
  };
}

export const profiles: readonly Profile[] = [
  {
    id: 'smoke',
    description: 'a minute: whether everything works; the numbers mean nothing',
    norms: ['layernorm', 'rmsnorm', 'crmsnorm'],
    seeds: seedsTo(2),
    config: config(
      { layers: 1, hiddenSize: 32, heads: 2, context: 32 },
      8,
      { learningRate: 5e-3, warmupSteps: 10, steps: 60 },
      { everySteps: 20, tokens: 2048, finalTokens: 8192 },
    ),
    speed: {
      rows: 1024,
      widths: [128],
      norms: ['layernorm', 'rmsnorm', 'crmsnorm', 'none'],
      sizes: ['small'],
      tokens: 32,
      secondsPerShape: 0.2,
      secondsPerSize: 1,
    },
    model: { tokens: 32, layerParameters: 2 ** 22, seconds: 0.5 },
    conversionDTypes: ['source'],
  },
  {
    id: 'quick',
    description: 'about nine minutes on two cores: 5 norms × 5 seeds on a model of 0.3M parameters',
    norms: core,
    seeds: seedsTo(5),
    config: config({ layers: 2, hiddenSize: 96, heads: 4, context: 64 }, 8, {
      learningRate: 4e-3,
      warmupSteps: 100,
      steps: 1600,
    }),
    speed: {
      rows: 2048,
      widths: [128, 768],
      norms: [...core, 'crmsnorm', 'prmsnorm', 'scalenorm', 'dyt'],
      sizes: ['small', 'medium', 'large', 'xl'],
      tokens: 512,
      secondsPerShape: 4,
      secondsPerSize: 15,
    },
    model: { tokens: 512, layerParameters: 2 ** 27, seconds: 20 },
    conversionDTypes: ['source', 'bfloat16'],
  },
  {
    id: 'standard',
    description: 'a few hours: 10 norms × 5 seeds on a model of 0.9M parameters',
    norms: wide,
    seeds: seedsTo(5),
    config: config({ layers: 4, hiddenSize: 128, heads: 4, context: 128 }, 16, {
      learningRate: 2e-3,
      warmupSteps: 150,
      steps: 2500,
    }),
    speed: {
      rows: 2048,
      widths: [128, 768, 2048],
      norms: wide,
      sizes: ['small', 'medium', 'large', 'xl'],
      tokens: 512,
      secondsPerShape: 10,
      secondsPerSize: 60,
    },
    model: { tokens: 512, layerParameters: 2 ** 28, seconds: 60 },
    conversionDTypes: ['source', 'bfloat16'],
  },
  {
    id: 'full',
    description: 'days: 10 norms × 10 seeds on a model of 10.8M parameters',
    norms: wide,
    seeds: seedsTo(10),
    config: config({ layers: 6, hiddenSize: 384, heads: 6, context: 256 }, 16, {
      learningRate: 1e-3,
      warmupSteps: 200,
      steps: 5000,
    }),
    speed: {
      rows: 4096,
      widths: [128, 768, 2048, 4096],
      norms: wide,
      sizes: ['small', 'medium', 'large', 'xl'],
      tokens: 512,
      secondsPerShape: 20,
      secondsPerSize: 120,
    },
    model: { tokens: 512, layerParameters: 2 ** 30, seconds: 120 },
    conversionDTypes: ['source', 'bfloat16'],
  },
];

/** The profile of a name; throws an `InputError` that names the nearest one. */
export function findProfile(id: string): Profile {
  const found = profiles.find((profile) => profile.id === id);
  if (found !== undefined) return found;
  const ids = profiles.map((profile) => profile.id);
  throw new InputError(`study: there is no profile "${id}"${didYouMean(id, ids)}; there are ${ids.join(', ')}`);
}
