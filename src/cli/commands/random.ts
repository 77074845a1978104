import { realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Option } from 'commander';
import type { FloatDType } from '../../core/dtype.ts';
import { InputError, messageOf } from '../../core/errors.ts';
import { readJson } from '../../core/files.ts';
import { formatBytes, formatDuration, formatSi } from '../../core/format.ts';
import { createProgress } from '../../core/progress.ts';
import { findPreset, writeRandomModel } from '../../models/index.ts';
import { type CommandModule, examples } from '../command.ts';
import { parseBytes, parseNonNegative } from '../options.ts';

/** The element types by the names that the command line uses. */
const dtypes = {
  float32: 'float32',
  bf16: 'bfloat16',
  f16: 'float16',
  float64: 'float64',
} as const satisfies Readonly<Record<string, FloatDType>>;

interface RandomArguments {
  readonly dtype: keyof typeof dtypes;
  readonly seed: string;
  readonly scale: number;
  readonly shardSize: number;
  readonly force?: true;
  readonly json?: true;
}

/** `normlab random <model> <folder>`: a checkpoint with random weights, for benchmarks and tests. */
export const randomCommand: CommandModule = {
  register(program, { stdout, stderr, signal }) {
    program
      .command('random')
      .summary('write a randomly initialised checkpoint of any size')
      .description(
        "Writes a checkpoint in the family's own config and tensor names: linears and embeddings normal, biases 0, norms " +
          'neutral. The same seed gives the same weights.',
      )
      .argument('<model>', 'a preset’s name, a config.json, or a folder that holds one')
      .argument('<folder>', 'folder to create')
      .addOption(
        new Option('--dtype <dtype>', 'element type of the weights').choices(Object.keys(dtypes)).default('float32'),
      )
      .option('--seed <text>', 'what the weights are drawn from', '0')
      .option('--scale <x>', 'standard deviation of linears and embeddings', parseNonNegative, 0.02)
      .addOption(
        new Option('--shard-size <size>', 'begin another file where one would be larger: 5GB, 500MB')
          .argParser(parseBytes)
          .default(5e9, '5GB'),
      )
      .option('--force', 'replace an existing model in <folder>')
      .option('--json', 'print what was written as JSON')
      .addHelpText(
        'after',
        examples(
          ['GPT-3 XL, 1.3 billion parameters', 'random gpt3-xl ./gpt3-xl'],
          [
            'the shape of a model at hand, in bfloat16, files of 1 GB',
            'random ./llama ./random-llama --dtype bf16 --shard-size 1GB --seed 7',
          ],
        ),
      )
      .action(async (model: string, out: string, { dtype, shardSize, json, ...options }: RandomArguments) => {
        const { config, where, file } = await readConfig(model);
        if (file !== undefined) await checkNotSource(out, file);
        const progress = createProgress({ stream: stderr });
        const started = performance.now();
        const written = await writeRandomModel({
          ...options,
          config,
          where,
          out,
          dtype: dtypes[dtype],
          shardBytes: shardSize,
          signal,
          onProgress: (fraction) => progress.update(`writing ${out}: ${Math.floor(100 * fraction)}%`),
        }).finally(() => progress.done({ clear: true }));
        const seconds = (performance.now() - started) / 1000;
        const { path, family, parameters, bytes, files } = written;
        const inFiles = files.length === 1 ? 'one file' : `${files.length} files`;
        stdout.write(
          json
            ? `${JSON.stringify({ ...written, seed: options.seed, scale: options.scale, seconds }, null, 2)}\n`
            : `Written to ${path}: ${family}, ${formatSi(parameters)} parameters in ${written.dtype}, ${formatBytes(bytes)} ` +
                `in ${inFiles}, in ${formatDuration(seconds)}.\n`,
        );
      });
  },
};

interface NamedConfig {
  readonly config: Readonly<Record<string, unknown>>;
  /** What messages about it begin with. */
  readonly where: string;
  readonly file?: string;
}

/** The config that a command's argument stands for: a file's, that of a folder, or else a preset's. */
async function readConfig(model: string): Promise<NamedConfig> {
  const status = await stat(model).catch(() => undefined);
  if (status === undefined) return { config: presetConfig(model), where: `preset ${model}` };
  const file = status.isDirectory() ? join(model, 'config.json') : model;
  const config = await readJson(file);
  if (isObject(config)) return { config, where: file, file };
  throw new InputError(`${file}: is not a JSON object`);
}

function presetConfig(name: string): NamedConfig['config'] {
  try {
    return findPreset(name).config;
  } catch (error) {
    throw new InputError(`${name}: no such file or folder, and ${messageOf(error)}`, { cause: error });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Somebody's weights may lie beside the config. */
async function checkNotSource(out: string, config: string): Promise<void> {
  const [target, source] = await Promise.all([realpath(out).catch(() => undefined), realpath(dirname(config))]);
  if (target === source) throw new InputError(`${out}: is the folder of the config; choose another one`);
}
