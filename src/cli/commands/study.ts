import { InvalidArgumentError } from 'commander';
import { formatDuration } from '../../core/format.ts';
import { createProgress } from '../../core/progress.ts';
import { type OptionalPart, optionalParts, profiles, runStudy, type StudyResult } from '../../study/index.ts';
import { type CommandModule, examples } from '../command.ts';

interface StudyArguments {
  readonly profile: string;
  readonly out?: string;
  readonly text?: readonly string[];
  readonly skip?: readonly OptionalPart[];
  readonly force?: true;
  readonly json?: true;
}

/** `normlab study`: everything in one run, written up as one report. */
export const studyCommand: CommandModule = {
  register(program, { stdout, stderr, signal }) {
    program
      .command('study')
      .summary('answer "LayerNorm or RMSNorm?" by measuring, in one report')
      .description(
        'Trains small language models with several norms, converts one without loss, times the norms on this machine, sets ' +
          'that beside the literature, and writes report.html, report.md and report.json. A study that was stopped goes ' +
          'on where it was when the command is given again.',
      )
      .option('--profile <name>', `how much: ${profiles.map(({ id }) => id).join(', ')}`, 'quick')
      .option('--out <folder>', 'folder for the report and all runs (default: study-<profile>)')
      .option(
        '--text <file...>',
        'text files to train on (default: the State of the Union addresses that come with it)',
      )
      .option('--skip <list>', `parts to leave out: ${optionalParts.join(', ')}`, parseParts)
      .option('--force', 'start over where the folder holds a study already')
      .option('--json', 'print the results as JSON')
      .addHelpText(
        'after',
        `\nProfiles:\n${profiles.map(({ id, description }) => `  ${id.padEnd(9)} ${description}`).join('\n')}\n${examples(
          ['the whole study', 'study'],
          ['on your own text, without the timing', 'study --text book.txt --skip speed --out study-book'],
          ['more norms and seeds, for a firmer answer', 'study --profile standard'],
        )}`,
      )
      .action(async (options: StudyArguments) => {
        const progress = createProgress({ stream: stderr });
        let current = '';
        const result = await runStudy({
          profile: options.profile,
          out: options.out ?? `study-${options.profile}`,
          signal,
          ...(options.text === undefined ? {} : { text: options.text }),
          ...(options.skip === undefined ? {} : { skip: options.skip }),
          ...(options.force === undefined ? {} : { force: options.force }),
          onProgress(part, line) {
            if (part !== current) progress.log(`${part} …`);
            current = part;
            progress.update(`${part}: ${line}`);
          },
        }).finally(() => progress.done({ clear: true }));
        stdout.write(`${options.json ? JSON.stringify(result.results, null, 2) : describe(result)}\n`);
      });
  },
};

function describe({ answer, files, elapsedSeconds }: StudyResult): string {
  return [
    ...wrap(answer.headline, 100),
    '',
    ...wrap(answer.summary, 100),
    ...[answer.quality, answer.speed, answer.conversion].flatMap((text) => ['', ...wrap(text.join(' '), 100)]),
    '',
    `Measured in ${formatDuration(elapsedSeconds)}. ${files.filter((file) => !file.endsWith('.svg')).join(', ')}`,
  ].join('\n');
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function parseParts(text: string): readonly OptionalPart[] {
  return text.split(',').map((name) => {
    const part = optionalParts.find((known) => known === name.trim());
    if (part === undefined) throw new InvalidArgumentError(`Expected parts of ${optionalParts.join(', ')}.`);
    return part;
  });
}
