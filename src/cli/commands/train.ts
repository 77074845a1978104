import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../../core/errors.ts';
import { formatDuration, formatSi } from '../../core/format.ts';
import { createProgress } from '../../core/progress.ts';
import {
  loadCorpus,
  readRunRecord,
  type TrainConfig,
  type TrainProgress,
  type TrainResult,
  trainRun,
} from '../../train/index.ts';
import { type CommandModule, examples } from '../command.ts';
import { parseWhole } from '../options.ts';
import { addTrainingOptions, type TrainingArguments, trainingConfig } from '../training-options.ts';

interface TrainArguments extends TrainingArguments {
  readonly norm: string;
  readonly seed: number;
  readonly out?: string;
  readonly resume?: string;
  readonly force?: true;
  readonly json?: true;
}

/** `normlab train`: one model in one run folder. */
export const trainCommand: CommandModule = {
  register(program, { stdout, stderr, signal }) {
    const command = program
      .command('train')
      .summary('train one small model with a norm')
      .description(
        'Trains a byte-level decoder and records loss and gradient norm of every step in a run folder. A run that was ' +
          'stopped, even killed, goes on where it was when the command is given again, bit for bit.',
      )
      .option('--norm <id>', 'norm of the catalogue', 'layernorm')
      .option('--seed <n>', 'seed of weights and batches', parseWhole, 1)
      .option('--out <folder>', 'run folder (default: runs/<norm>-seed<seed>)')
      .option(
        '--resume <folder>',
        'go on with the run in this folder, as it was started; --text says where its text lies now',
      );
    addTrainingOptions(command)
      .option('--force', 'start over where the folder holds a run already')
      .option('--json', 'print the result as JSON')
      .addHelpText(
        'after',
        examples(
          ['RMSNorm on the text that comes with normlab', 'train --norm rmsnorm'],
          ['your own text, a smaller model', 'train --text book.txt --layers 2 --hidden 96 --out runs/book'],
          ['go on with a run that was stopped', 'train --resume runs/rmsnorm-seed1'],
        ),
      )
      .action(async (options: TrainArguments) => {
        const { resume } = options;
        if (resume !== undefined) refuseContradictions(command);
        const folder = resume ?? options.out ?? join('runs', `${options.norm}-seed${options.seed}`);
        const config = await (resume === undefined
          ? trainingConfig(options, options.norm, options.seed)
          : recordedConfig(resume, options.text));
        const progress = createProgress({ stream: stderr });
        const result = await trainRun({
          folder,
          config,
          corpus: await (resume === undefined ? loadCorpus(config.text) : recordedCorpus(config)),
          engine: options.threads === undefined ? {} : { threads: options.threads },
          force: options.force ?? false,
          signal,
          onProgress: (state) => progress.update(describeProgress(state)),
        }).finally(() => progress.done());
        stdout.write(`${options.json ? JSON.stringify(result, null, 2) : describeResult(result)}\n`);
      });
  },
};

/** Options that may stand beside `--resume`: none of them changes the run. */
const besidesResume = ['resume', 'text', 'threads', 'json'];

/** Throws an `InputError` where an option beside `--resume` would have no effect. */
function refuseContradictions(command: Command): void {
  const ignored = command.options.filter((option) => {
    const name = option.attributeName();
    return command.getOptionValueSource(name) === 'cli' && !besidesResume.includes(name);
  });
  if (ignored.length === 0) return;
  const names = ignored.map(({ long }) => long).join(', ');
  throw new InputError(
    `train: --resume takes the run as it was started, so ${names} can't be given with it; leave out one or the other`,
  );
}

/** The configuration that a run folder holds; its text may have moved. */
async function recordedConfig(folder: string, text: readonly string[] | undefined): Promise<TrainConfig> {
  if (!existsSync(join(folder, 'run.json'))) {
    throw new InputError(`train: ${folder} holds no run to go on with: it has no run.json; start one with --out`);
  }
  const { config } = await readRunRecord(folder);
  return text === undefined ? config : { ...config, text };
}

async function recordedCorpus({ text }: TrainConfig) {
  return loadCorpus(text).catch((error: unknown) => {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${error.message}; --text says where the text of the run lies now`, { cause: error });
  });
}

/** `step 120/1200 · loss 2.512 · 16.0k tokens/s · 1 min 05 s left` */
export function describeProgress({
  step,
  steps,
  loss,
  tokensPerSecond,
  remainingSeconds,
  validationLoss,
}: TrainProgress): string {
  const heldOut = validationLoss === null ? [] : [`held out ${formatLoss(validationLoss)}`];
  return [
    `step ${step}/${steps}`,
    `loss ${formatLoss(loss)}`,
    ...heldOut,
    `${formatSi(tokensPerSecond)} tokens/s`,
    `${formatDuration(remainingSeconds)} left`,
  ].join(' · ');
}

function formatLoss(loss: number): string {
  return Math.abs(loss) < 1000 ? loss.toFixed(3) : loss.toExponential(2);
}

function describeResult({ folder, reason, step, finalValidationLoss, parameters, trained }: TrainResult): string {
  const before = trained ? '' : ' (finished before; --force trains it again)';
  const metrics = `${join(folder, 'metrics.jsonl')}: loss and gradient norm of every step`;
  if (reason === 'diverged' || finalValidationLoss === null) {
    return `${folder}: diverged at step ${step}: loss or gradient is no finite number any more${before}\n${metrics}`;
  }
  const perByte = `held-out loss ${finalValidationLoss.toFixed(4)} nats per byte (perplexity ${Math.exp(finalValidationLoss).toFixed(3)})`;
  return [
    `${folder}: ${formatSi(parameters)} parameters, ${step} steps, ${perByte}${before}`,
    metrics,
    ...['model', 'samples.txt']
      .map((name) => join(folder, name))
      .filter((path) => existsSync(path))
      .map((path) => `${path}: ${path.endsWith('.txt') ? 'what it writes' : 'the trained model'}`),
  ].join('\n');
}
