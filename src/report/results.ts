import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { inconsistencies } from './consistency.ts';
import { certificate, count, type DeepReadonly, interval, positive, proportion, text } from './fields.ts';
import { modelParts, modelSchema } from './model-results.ts';

/** The version of `report.json` that this code reads and writes. */
export const schemaVersion = 2;

/** Where a statement was read. Only web addresses may be linked. */
const source = z.strictObject({ label: text, url: z.url({ protocol: /^https?$/ }).nullable() });

const machine = z.strictObject({
  cpu: text,
  cores: z.int().positive(),
  memoryGiB: positive,
  platform: text,
  node: text,
  onnxruntime: text,
});

/** One training run. Losses in nats per byte; a run that diverged has no final loss. */
const run = z.strictObject({
  seed: z.int(),
  finalValidationLoss: z.number().nullable(),
  validationCurve: z.array(z.strictObject({ step: count, loss: z.number() })),
  /** Thinned for plotting; every step in `spikeSteps` is kept. */
  gradNorms: z.array(z.strictObject({ step: count, value: z.number().nonnegative() })),
  spikeSteps: z.array(count),
  /** Percentage of steps at least 7 standard deviations from the rolling mean; null when the run is too short for one. */
  gradNormSpikeScore: z.number().min(0).max(100).nullable(),
  lossSpikeScore: z.number().min(0).max(100).nullable(),
  meanGradNorm: z.number().nonnegative().nullable(),
  tokensPerSecond: positive,
  diverged: z.boolean(),
});

/** Norm minus LayerNorm over seeds that both finished, nats per byte. With one pair nothing but the difference exists. */
const paired = z.strictObject({
  difference: z.number(),
  ci: interval.nullable(),
  level: z.number().gt(0.5).lt(1),
  pValue: proportion.nullable(),
  n: z.int().positive(),
  equivalence: z.strictObject({ margin: positive, pValue: proportion, equivalent: z.boolean() }).nullable(),
  /** The smallest true difference that this many seeds would probably have shown, nats per byte. */
  smallestDetectable: positive.nullable(),
});

const normRuns = z.strictObject({
  id: text,
  name: text,
  runs: z.array(run),
  /** Over the runs that finished. */
  meanFinalLoss: z.number().nullable(),
  sdFinalLoss: z.number().nonnegative().nullable(),
  paired: paired.nullable(),
});

const training = z.strictObject({
  model: z.strictObject({
    layers: z.int().positive(),
    hiddenSize: z.int().positive(),
    heads: z.int().positive(),
    context: z.int().positive(),
    vocabularySize: z.int().positive(),
    parameters: z.int().positive(),
  }),
  optimizer: z.strictObject({
    name: text,
    learningRate: positive,
    batch: z.int().positive(),
    steps: z.int().positive(),
    tokensPerRun: z.int().positive(),
    /** Further settings, shown as they are: warm-up, decay, clipping. */
    other: z.record(text, z.union([z.string(), z.number(), z.boolean()])),
  }),
  corpus: z.strictObject({
    name: text,
    bytes: z.int().positive(),
    /** Nats per byte. */
    unigramEntropy: positive,
    bigramEntropy: positive,
  }),
  seeds: z.array(z.int()).min(1),
  baseline: z.literal('layernorm'),
  norms: z.array(normRuns).min(1),
  /** What was planned and is not there, one phrase each. */
  missing: z.array(text),
});

/** One norm's kernel on one shape, alone. */
const normOperation = z.strictObject({
  norm: text,
  direction: z.enum(['forward', 'backward']),
  rows: z.int().positive(),
  width: z.int().positive(),
  microseconds: positive,
  gigabytesPerSecond: positive,
  /** Bandwidth reached over the bandwidth of a plain copy; above 1 where caches help. */
  fractionOfCopy: positive,
  ratioToLayerNorm: z.strictObject({ ratio: positive, ci: interval }),
});

/** A whole model's time with each norm, composed from measured parts. */
const timeShare = z.strictObject({
  size: text,
  layers: z.int().positive(),
  hiddenSize: z.int().positive(),
  batch: z.int().positive(),
  tokens: z.int().positive(),
  norms: z.array(z.strictObject({ norm: text, milliseconds: positive, relativeToLayerNorm: positive, ci: interval })),
  /** (time with LayerNorm − time without norms) / time with LayerNorm. */
  normShare: z.strictObject({ value: z.number().max(1), ci: interval }),
  /** How the time was composed, in one sentence. */
  composed: text,
});

/** Every interval in here is at 95%. */
const speed = z.strictObject({
  runtimeLabel: text,
  copyGigabytesPerSecond: positive,
  matmulGflops: positive,
  ops: z.array(normOperation),
  shares: z.array(timeShare),
  /** Published figures of the same kind, relative to Pre-LN = 1. */
  paper: z
    .strictObject({
      source,
      setting: text,
      readOffUncertainty: z.number().nonnegative(),
      figures: z.array(
        z.strictObject({ size: text, withoutNorm: positive, preLn: positive, preRms: positive, preCrms: positive }),
      ),
    })
    .nullable(),
});

const conversion = z.strictObject({
  /** What was converted, for instance "the study's own LayerNorm model, seed 1". */
  source: text,
  target: z.enum(['rmsnorm', 'crmsnorm']),
  dtype: text,
  certificate,
  /** Nats per byte, in the engine. */
  validationLossBefore: z.number().nullable(),
  validationLossAfter: z.number().nullable(),
  tensorsRewritten: count,
  note: z.string(),
});

const evidence = z.strictObject({
  rows: z.array(
    z.strictObject({
      model: text,
      norm: text,
      placement: text,
      epsilon: text.nullable(),
      statedReason: text.nullable(),
      ablation: text.nullable(),
      source,
      confidence: text,
    }),
  ),
  quantitative: z.array(z.strictObject({ paper: text, setting: text, result: text, source })),
  corrections: z.array(z.strictObject({ belief: text, correction: text, source })),
  summary: z.strictObject({
    models: count,
    layerNorm: count,
    rmsNorm: count,
    /** Models whose report was looked through for a reason. */
    reportsRead: count,
    /** Those among them that give a reason for the kind of norm, and those that compare kinds at all. */
    statedReason: count,
    ablation: count,
    /** Published comparisons of LayerNorm and RMSNorm that print numbers. */
    comparisonsWithNumbers: count,
    /** Those among them at 1B parameters or more with the weight and bias of LayerNorm kept. */
    comparisonsAtOneBillion: count,
  }),
});

export const parts = ['model', 'training', 'speed', 'conversions', 'evidence'] as const;
export type Part = (typeof parts)[number];

const schema = z.strictObject({
  schemaVersion: z.literal(schemaVersion),
  profile: text,
  createdAt: z.iso.datetime(),
  normlabVersion: text,
  machine,
  elapsedSeconds: z.number().nonnegative(),
  /** What to type to get these results again. */
  commands: z.array(text).min(1),
  model: modelSchema.nullable(),
  training: training.nullable(),
  speed: speed.nullable(),
  conversions: z.array(conversion).nullable(),
  evidence: evidence.nullable(),
  /** Why a part is null: exactly the null parts have a reason. */
  notMeasured: z.partialRecord(z.enum(parts), text),
});

/** A study's results: the content of `report.json`. */
export type StudyResults = DeepReadonly<z.infer<typeof schema>>;
export type TrainingResults = NonNullable<StudyResults['training']>;
export type NormRuns = TrainingResults['norms'][number];
export type PairedDifference = NonNullable<NormRuns['paired']>;
export type SpeedResults = NonNullable<StudyResults['speed']>;
export type ConversionResult = NonNullable<StudyResults['conversions']>[number];
export type LogitDifference = ConversionResult['certificate']['run'];
export type EvidenceResults = NonNullable<StudyResults['evidence']>;
export type { Interval } from './fields.ts';
export type Source = EvidenceResults['rows'][number]['source'];

/** Checks results; throws an `InputError` of one line that names the first wrong field. */
export function parseResults(value: unknown): StudyResults {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformed(pathOf(issue?.path ?? []), issue?.message ?? 'malformed');
  }
  const [first] = inconsistencies(parsed.data);
  if (first) throw malformed(first.path, first.message);
  return parsed.data;
}

/** A part of results that was kept on its own; null where it is not well-formed. */
export const readPart = {
  model: modelParts,
  training: (value: unknown): TrainingResults | null => training.safeParse(value).data ?? null,
  speed: (value: unknown): SpeedResults | null => speed.safeParse(value).data ?? null,
  conversions: (value: unknown): readonly ConversionResult[] | null =>
    z.array(conversion).safeParse(value).data ?? null,
};

function malformed(path: string, message: string): InputError {
  const oneLine = message.replace(/\s+/g, ' ');
  return new InputError(
    `report: results${path}: ${oneLine}. Expected report.json of schema version ${schemaVersion}; run the study again?`,
  );
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
}
