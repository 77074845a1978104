import { join } from 'node:path';
import { formatDuration, formatSi } from '../../core/format.ts';
import { createProgress } from '../../core/progress.ts';
import { loadCorpus, readRunRecord, type TrainProgress, type TrainResult, trainRun } from '../../train/index.ts';
import { type CommandModule, examples } from '../command.ts';
import { addTrainingOptions, parseWhole, type TrainingArguments, trainingConfig } from '../training-options.ts';

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
      .option('--resume <folder>', 'go on with the run in this folder, with the configuration that it holds');
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
        const folder = options.resume ?? options.out ?? join('runs', `${options.norm}-seed${options.seed}`);
        const config =
          options.resume === undefined
            ? trainingConfig(options, options.norm, options.seed)
            : (await readRunRecord(folder)).config;
        const progress = createProgress({ stream: stderr });
        const result = await trainRun({
          folder,
          config,
          corpus: await loadCorpus(config.text),
          engine: options.threads === undefined ? {} : { threads: options.threads },
          force: options.force ?? false,
          signal,
          onProgress: (state) => progress.update(describeProgress(state)),
        }).finally(() => progress.done());
        stdout.write(`${options.json ? JSON.stringify(result, null, 2) : describeResult(result)}\n`);
      });
  },
};

/** `step 120/1200 · loss 2.512 · 16.0k tokens/s · 1 min 05 s left` */
export function describeProgress({
  step,
  steps,
  loss,
  tokensPerSecond,
  remainingSeconds,
  validationLoss,
}: TrainProgress): string {
  const heldOut = validationLoss === null ? [] : [`held out ${validationLoss.toFixed(3)}`];
  return [
    `step ${step}/${steps}`,
    `loss ${loss.toFixed(3)}`,
    ...heldOut,
    `${formatSi(tokensPerSecond)} tokens/s`,
    `${formatDuration(remainingSeconds)} left`,
  ].join(' · ');
}

function describeResult({ folder, reason, step, finalValidationLoss, parameters, trained }: TrainResult): string {
  const what = `${formatSi(parameters)} parameters, ${step} steps`;
  const before = trained ? '' : ' (finished before; --force trains it again)';
  if (reason === 'diverged')
    return `${folder}: diverged at step ${step}: loss or gradient is not a number any more${before}`;
  return `${folder}: ${what}, held-out loss ${finalValidationLoss?.toFixed(4)} nats per byte${before}`;
}
