import { type Command, InvalidArgumentError } from 'commander';
import { type BenchProgress, benchNorms, benchShares, gptSizes } from '../../bench/index.ts';
import { formatDuration } from '../../core/format.ts';
import { createProgress } from '../../core/progress.ts';
import { type CommandContext, type CommandModule, examples } from '../command.ts';
import { parseCount, parseNonNegative, parseThreads } from '../options.ts';
import { parseList } from '../training-options.ts';
import { normsText } from './bench-norms.ts';
import { sharesJson, sharesText } from './bench-shares.ts';

interface CommonArguments {
  readonly norms?: readonly string[];
  readonly threads?: number;
  readonly seconds?: number;
  readonly json?: true;
}

interface NormsArguments extends CommonArguments {
  readonly rows?: number;
  readonly width?: readonly number[];
}

interface SharesArguments extends CommonArguments {
  readonly sizes?: readonly string[];
  readonly tokens?: number;
  readonly batch?: number;
}

/** `normlab bench norms` and `normlab bench shares`. */
export const benchCommand: CommandModule = {
  register(program, context) {
    const bench = program
      .command('bench')
      .summary("measure the norms' time on this machine")
      .description("Measures the time of norms on this machine: alone, or their share of a whole model's forward pass.")
      .addHelpText(
        'after',
        examples(['each norm alone', 'bench norms'], ["the norms' share of GPT-3's forward pass", 'bench shares']),
      );
    registerNorms(bench, context);
    registerShares(bench, context);
  },
};

function registerNorms(bench: Command, { stdout, stderr, signal }: CommandContext): void {
  addCommonOptions(
    bench
      .command('norms')
      .summary('time every norm, forward and backward')
      .description(
        'Times the norms of the catalogue forward and backward, interleaved in one run, and compares each with LayerNorm. ' +
          'All of them are loaded several times, since where the memory lies favours one or another. ' +
          "What is compared are this runtime's kernels, which are of unequal quality.",
      )
      .option('--rows <n>', 'rows of the tensor: batch × positions (default: 2048)', parseCount)
      .option('--width <list>', 'hidden sizes (default: 128,768,2048)', parseCounts),
    { norms: 'all', seconds: 'for each shape', defaultSeconds: 20 },
  )
    .addHelpText(
      'after',
      examples(
        ['every norm at three widths', 'bench norms'],
        ['two norms at the width of Llama 7B, one thread', 'bench norms --norms rmsnorm --width 4096 --threads 1'],
        ['for another program', 'bench norms --json > norms.json'],
      ),
    )
    .action(async ({ width, json, ...options }: NormsArguments) => {
      const result = await withProgress(stderr, (onProgress) =>
        benchNorms({ ...options, widths: width, signal, onProgress }),
      );
      stdout.write(`${json ? JSON.stringify(result, null, 2) : normsText(result)}\n`);
    });
}

function registerShares(bench: Command, { stdout, stderr, signal }: CommandContext): void {
  addCommonOptions(
    bench
      .command('shares')
      .summary("measure the norms' share of a model's forward pass")
      .description(
        "Measures which share of a GPT-3's forward pass its norms take: one block is timed with each norm and without, with " +
          'embeddings and head, and the model is composed of them. All parts are loaded four times, since where the memory lies ' +
          'favours one or another. Stands beside the figures of Jiang et al. 2023.',
      )
      .option('--sizes <list>', `sizes of GPT-3 (default: all: ${gptSizes.map(({ id }) => id).join(',')})`, parseList)
      .option('--tokens <n>', 'positions of a sequence (default: 512)', parseCount)
      .option('--batch <n>', 'sequences at a time (default: 1)', parseCount),
    { norms: 'layernorm,none,rmsnorm,crmsnorm', seconds: 'for each size', defaultSeconds: 30 },
  )
    .addHelpText(
      'after',
      examples(
        ['four sizes at 512 tokens', 'bench shares'],
        ['a short prompt on one thread', 'bench shares --sizes small --tokens 64 --threads 1'],
        ['for another program', 'bench shares --json > shares.json'],
      ),
    )
    .action(async ({ json, ...options }: SharesArguments) => {
      const result = await withProgress(stderr, (onProgress) => benchShares({ ...options, signal, onProgress }));
      stdout.write(`${json ? sharesJson(result) : sharesText(result)}\n`);
    });
}

function addCommonOptions(
  command: Command,
  texts: { readonly norms: string; readonly seconds: string; readonly defaultSeconds: number },
): Command {
  return command
    .option(
      '--norms <list>',
      `norms of the catalogue; LayerNorm is always among them (default: ${texts.norms})`,
      parseList,
    )
    .option('--threads <n>', 'threads of the engine (default: the processors available)', parseThreads)
    .option(
      '--seconds <x>',
      `how long to measure ${texts.seconds}, loading and warm-up aside (default: ${texts.defaultSeconds})`,
      parseNonNegative,
    )
    .option('--json', 'print the result as JSON');
}

/** Whole numbers from 1 with commas between them. */
function parseCounts(text: string): readonly number[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.some((part) => part === ''))
    throw new InvalidArgumentError('Expected whole numbers with commas between them.');
  return parts.map(parseCount);
}

async function withProgress<T>(
  stderr: CommandContext['stderr'],
  work: (onProgress: (progress: BenchProgress) => void) => Promise<T>,
): Promise<T> {
  const progress = createProgress({ stream: stderr });
  const start = performance.now();
  try {
    return await work(({ what, fraction }) => {
      const seconds = (performance.now() - start) / 1000;
      const left = fraction > 0.02 ? ` · ${formatDuration((seconds * (1 - fraction)) / fraction)} left` : '';
      progress.update(`bench: ${what} · ${Math.floor(100 * fraction)} %${left}`);
    });
  } finally {
    progress.done({ clear: true });
  }
}
