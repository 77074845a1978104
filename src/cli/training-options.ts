import { type Command, InvalidArgumentError, Option } from 'commander';
import { placements } from '../models/index.ts';
import { defaultConfig, parseConfig, type TrainConfig, usualWarmupSteps } from '../train/index.ts';
import { parseCount, parseNonNegative, parseThreads, parseWhole } from './options.ts';

/** The options that `train` and `compare` share, as commander gives them. */
export interface TrainingArguments {
  readonly text?: readonly string[];
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly context: number;
  readonly batch: number;
  readonly steps: number;
  readonly lr: number;
  readonly warmup?: number;
  readonly weightDecay: number;
  readonly clip: number;
  readonly placement: TrainConfig['model']['placement'];
  readonly epsilon?: number;
  readonly threads?: number;
  readonly samples: number;
}

/** Adds the options that say what is trained, on what and how. */
export function addTrainingOptions(command: Command): Command {
  const { model, schedule, optimizer, batch, samples } = defaultConfig;
  return command
    .option('--text <file...>', 'text files to train on (default: the State of the Union addresses that come with it)')
    .option('--layers <n>', 'blocks', parseCount, model.layers)
    .option('--hidden <n>', 'width of the residual stream', parseCount, model.hiddenSize)
    .option('--heads <n>', 'attention heads', parseCount, model.heads)
    .option('--context <n>', 'bytes of a sequence', parseCount, model.context)
    .option('--batch <n>', 'sequences of a batch', parseCount, batch)
    .option('--steps <n>', 'optimizer steps', parseCount, schedule.steps)
    .option('--lr <x>', 'highest learning rate', parsePositive, schedule.learningRate)
    .option(
      '--warmup <n>',
      `steps of linear warm-up (default: ${schedule.warmupSteps}, or a tenth of the steps where that is less)`,
      parseWhole,
    )
    .option('--weight-decay <x>', "AdamW's decoupled weight decay", parseNonNegative, optimizer.weightDecay)
    .option('--clip <x>', "largest global norm of the gradients; 0 doesn't clip", parseNonNegative, optimizer.clip ?? 0)
    .addOption(new Option('--placement <where>', 'where the norms sit').choices(placements).default(model.placement))
    .option('--epsilon <x>', "the norm's epsilon (default: the norm's usual one)", parseNonNegative)
    .option('--samples <n>', 'texts to sample at the end', parseSampleCount, samples.count)
    .option('--threads <n>', 'threads of the engine', parseThreads);
}

/** The configuration that the options describe, for one norm and seed. Throws an `InputError` where they contradict. */
export function trainingConfig(options: TrainingArguments, norm: string, seed: number): TrainConfig {
  return parseConfig({
    ...defaultConfig,
    model: {
      ...defaultConfig.model,
      norm,
      placement: options.placement,
      epsilon: options.epsilon ?? null,
      layers: options.layers,
      hiddenSize: options.hidden,
      heads: options.heads,
      context: options.context,
    },
    optimizer: {
      ...defaultConfig.optimizer,
      weightDecay: options.weightDecay,
      clip: options.clip === 0 ? null : options.clip,
    },
    schedule: {
      ...defaultConfig.schedule,
      learningRate: options.lr,
      warmupSteps: options.warmup ?? usualWarmupSteps(options.steps),
      steps: options.steps,
    },
    batch: options.batch,
    seed,
    text: options.text ?? null,
    samples: { ...defaultConfig.samples, count: options.samples },
  });
}

/** A comma-separated list of whole numbers from 0, or how many seeds, which then count from 1. */
export function parseSeeds(text: string): readonly number[] {
  if (text.includes(',')) return text.split(',').map((part) => parseWhole(part.trim()));
  const count = parseCount(text);
  if (count > 1000) throw new InvalidArgumentError('Expected at most 1000 seeds, or a list with commas.');
  return Array.from({ length: count }, (_, i) => i + 1);
}

/** A comma-separated list of names. */
export function parseList(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.some((name) => name === '')) throw new InvalidArgumentError('Expected names with commas between them.');
  return names;
}

function parseSampleCount(text: string): number {
  const count = parseWhole(text);
  if (count > 1000) throw new InvalidArgumentError('Expected at most 1000 texts.');
  return count;
}

/** A finite number above 0. */
export function parsePositive(text: string): number {
  const value = parseNonNegative(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}
