import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import type { ProgressStream } from '../core/progress.ts';

/** What a command works with besides its arguments. */
export interface CommandContext {
  /** What another program or a person gives, where a command reads it. */
  readonly stdin: Readable;
  /** For results: what another program would read. */
  readonly stdout: ProgressStream;
  /** For progress and messages. */
  readonly stderr: ProgressStream;
  /** Aborted, with an InterruptedError, when the user stops the work (Ctrl-C, SIGTERM). */
  readonly signal: AbortSignal;
}

/** A command of the command line, one file each in `commands/`. Its action throws a NormlabError for any exit code but 0. */
export interface CommandModule {
  /** Adds the command with its options, its help and its examples. */
  readonly register: (program: Command, context: CommandContext) => void;
}

/** The text after a command's help that shows how it is called: pairs of what one wants and the command line. */
export function examples(...pairs: readonly (readonly [what: string, commandLine: string])[]): string {
  return `\nExamples:\n${pairs.map(([what, line]) => `  # ${what}\n  $ normlab ${line}`).join('\n')}`;
}
