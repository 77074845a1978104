import { formatDuration, formatTable } from '../../core/format.ts';
import { createProgress } from '../../core/progress.ts';
import {
  type CompareProgress,
  type Comparison,
  compare,
  defaultMargin,
  type NormSummary,
  type PairedResult,
} from '../../train/index.ts';
import { type CommandModule, examples } from '../command.ts';
import { parseCount } from '../options.ts';
import {
  addTrainingOptions,
  parseList,
  parsePositive,
  parseSeeds,
  type TrainingArguments,
  trainingConfig,
} from '../training-options.ts';

interface CompareArguments extends TrainingArguments {
  readonly norms: readonly string[];
  readonly seeds: readonly number[];
  readonly out: string;
  readonly margin: number;
  readonly processes?: number;
  readonly force?: true;
  readonly json?: true;
}

/** `normlab compare`: norms × seeds on the same batches. */
export const compareCommand: CommandModule = {
  register(program, { stdout, stderr, signal }) {
    const command = program
      .command('compare')
      .summary('train several norms with several seeds and compare them')
      .description(
        'Trains every norm with every seed on the same batches and compares each with LayerNorm, seed by seed: the paired ' +
          'difference of the final held-out loss with its confidence interval, an equivalence test, and the smallest ' +
          'difference that so few seeds could have seen. Runs that ended are kept, stopped ones go on.',
      )
      .option('--norms <list>', 'norms of the catalogue; LayerNorm is always among them', parseList, [
        'layernorm',
        'rmsnorm',
      ])
      .option('--seeds <list>', 'how many seeds, or a list of them', parseSeeds, [1, 2, 3])
      .option('--out <folder>', 'folder for the run folders', 'runs/compare')
      .option('--margin <x>', 'differences up to this count as none, nats per byte', parsePositive, defaultMargin)
      .option(
        '--processes <n>',
        'runs at the same time (default: one for each processor, one thread each)',
        parseCount,
      );
    addTrainingOptions(command)
      .option('--force', 'train again what is there already')
      .option('--json', 'print the result as JSON; what is known of each step is in the run folders')
      .addHelpText(
        'after',
        examples(
          ['three norms, five seeds', 'compare --norms layernorm,rmsnorm,dyt --seeds 5'],
          ['chosen seeds, a small model', 'compare --seeds 7,11 --layers 2 --hidden 64 --steps 300'],
        ),
      )
      .action(async (options: CompareArguments) => {
        const progress = createProgress({ stream: stderr });
        const comparison = await compare({
          folder: options.out,
          norms: options.norms,
          seeds: options.seeds,
          config: trainingConfig(options, 'layernorm', 0),
          margin: options.margin,
          force: options.force ?? false,
          signal,
          onProgress: (state) => progress.update(describeCompareProgress(state)),
          ...(options.processes === undefined ? {} : { processes: options.processes }),
          ...(options.threads === undefined ? {} : { threads: options.threads }),
        }).finally(() => progress.done());
        stdout.write(`${options.json ? toJson(comparison) : toText(comparison, options.out)}\n`);
      });
  },
};

/** `5/15 runs · rmsnorm seed 2 40% loss 2.31 · … · 3 min 10 s left` */
export function describeCompareProgress({ finishedRuns, runs, active, remainingSeconds }: CompareProgress): string {
  const running = active.map(
    ({ name, progress }) =>
      `${name} ${Math.round((100 * progress.step) / progress.steps)}% loss ${progress.loss.toFixed(2)}`,
  );
  const left = remainingSeconds === null ? [] : [`${formatDuration(remainingSeconds)} left`];
  return [`${finishedRuns}/${runs} runs`, ...running, ...left].join(' · ');
}

function toText(comparison: Comparison, folder: string): string {
  const table = formatTable(
    ['norm', 'held-out loss', '± sd', 'difference', '95 % interval', 'equal?', 'gradient norm', 'spikes %'],
    comparison.norms.map(row),
  );
  const smallest = comparison.norms.flatMap((norm) => norm.paired?.smallestDetectable ?? []);
  const pairs = Math.min(...comparison.norms.flatMap((norm) => (norm.paired?.ci ? norm.paired.n : [])));
  const seen =
    smallest.length > 0
      ? `With ${pairs} seeds a true difference under ${Math.max(...smallest).toFixed(4)} nats per byte could have been missed (80 % power).`
      : 'No interval: it takes two seeds or more that finish with both norms. Use --seeds 3 or more.';
  return [
    table,
    '',
    `Differences are to LayerNorm at the same seed, nats per byte; "equal" means within ±${comparison.margin} (two one-sided tests, 5 %).`,
    seen,
    `Spikes: steps whose gradient norm lies 7 standard deviations or more from the mean of the 1,000 before, from step 1,001 on.`,
    `Loss and gradient norm of every step: ${folder}/<norm>-seed<n>/metrics.jsonl`,
    ...comparison.missing.map((what) => `Missing: ${what}`),
  ].join('\n');
}

function row({
  norm,
  meanFinalLoss,
  sdFinalLoss,
  paired,
  meanGradNorm,
  gradNormSpikeScore,
  diverged,
  runs,
}: NormSummary) {
  const fixed = (value: number | null | undefined, digits: number) => value?.toFixed(digits) ?? null;
  const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
  const failed = `(${diverged} of ${runs.length} diverged)`;
  return [
    norm,
    diverged === 0 ? fixed(meanFinalLoss, 4) : `${fixed(meanFinalLoss, 4) ?? '–'} ${failed}`,
    fixed(sdFinalLoss, 4),
    paired === null ? null : signed(paired.difference),
    paired?.ci ? `${signed(paired.ci[0])} … ${signed(paired.ci[1])}` : null,
    paired === null ? null : verdict(paired),
    fixed(meanGradNorm, 3),
    fixed(gradNormSpikeScore, 2),
  ];
}

/** Without the series of every step: they are in the run folders. */
/** Whether a difference is shown to lie within the margin, shown to lie outside of it, or neither. */
function verdict({ equivalence, ci }: PairedResult): string | null {
  if (equivalence === null || ci === null) return null;
  if (equivalence.equivalent) return 'yes';
  return ci[0] > equivalence.margin ? 'no, worse' : ci[1] < -equivalence.margin ? 'no, better' : 'not shown';
}

function toJson(comparison: Comparison): string {
  return JSON.stringify(comparison, (_key, value: unknown) => (value instanceof Float64Array ? undefined : value), 2);
}
