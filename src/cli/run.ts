import type { Readable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { exitCodes, NormlabError } from '../core/errors.ts';
import { withInterrupts } from '../core/interrupt.ts';
import type { ProgressStream } from '../core/progress.ts';
import { normlabVersion } from '../core/version.ts';
import { type CommandContext, examples } from './command.ts';
import { commands } from './commands/index.ts';

export interface Streams {
  readonly stdin: Readable;
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
}

/** Runs a command line (the arguments after the program's name) and returns the exit code. Never throws. */
export async function run(args: readonly string[], { stdin, stdout, stderr }: Streams): Promise<number> {
  try {
    await withInterrupts(
      async (signal) => {
        await createProgram({ stdin, stdout, stderr, signal }).parseAsync([...args], { from: 'user' });
      },
      { onInterrupt: () => stderr.write('normlab: stopping; press Ctrl-C again to quit at once\n') },
    );
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.refused;
    const { message, exitCode } = failure(error);
    stderr.write(message);
    return exitCode;
  }
}

/** What is said about an error, and the exit code: one line for those thrown on purpose, for a bug what shows its place. */
export function failure(error: unknown): { readonly message: string; readonly exitCode: number } {
  if (error instanceof NormlabError) {
    return { message: `normlab: ${error.message.replace(/\s*\n\s*/g, ' ')}\n`, exitCode: error.exitCode };
  }
  const message = `normlab: this is a bug in normlab, please report it:\n${stackOf(error)}\n`;
  return { message, exitCode: exitCodes.bug };
}

/** What shows where an error came from, with its causes. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

function createProgram(context: CommandContext): Command {
  const { stdout, stderr } = context;
  const program = new Command('normlab')
    .description(
      'LayerNorm or RMSNorm? Convert, measure, train and compare the normalization layers of language models.',
    )
    .version(normlabVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) =>
        write(
          `normlab: ${text
            .replace(/^error: /, '')
            .trim()
            .replace(/\s*\n\s*/g, ' ')}\n`,
        ),
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', examples(['what a command does, with examples', 'verify --help']));
  for (const { register } of commands) register(program, context);
  return program;
}
