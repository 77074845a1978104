import { basename, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { CheckFailedError } from '../../core/errors.ts';
import { formatDuration } from '../../core/format.ts';
import { createProgress } from '../../core/progress.ts';
import { type OptionalPart, optionalParts, profiles, runStudy, type StudyResult } from '../../study/index.ts';
import { type CommandModule, examples } from '../command.ts';

interface StudyArguments {
  readonly profile: string;
  readonly model?: string;
  readonly with?: readonly OptionalPart[];
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
          'on where it was when the command is given again. With --model the study is about that model: what it is, whether ' +
          'and how it switches its norms, with certificates, and what that does to its time; the general parts, which ' +
          'take longer, are left to --with. Exit code 1 when a certificate of it fails.',
      )
      .option('--model <folder>', 'ask about this model: converts, certifies and times it')
      .option('--profile <name>', `how much: ${profiles.map(({ id }) => id).join(', ')}`, 'quick')
      .option('--out <folder>', 'folder for the report and all runs (default: study-<profile>, or study-<model>)')
      .option(
        '--text <file...>',
        'text files to train on; a model’s perplexity is on the first (default: the State of the Union addresses that come with it)',
      )
      .option(
        '--skip <list>',
        `parts to leave out: ${optionalParts.join(', ')}; with --model its speed or conversions`,
        parseParts,
      )
      .option(
        '--with <list>',
        `with --model, parts on models in general to add: ${optionalParts.join(', ')}`,
        parseParts,
      )
      .option('--force', 'start over where the folder holds a study already')
      .option('--json', 'print the results as JSON')
      .addHelpText(
        'after',
        `\nProfiles:\n${profiles.map(({ id, description }) => `  ${id.padEnd(9)} ${description}`).join('\n')}\n\nProfiles with --model, conversions aside:\n${profiles.map(({ id, model }) => `  ${id.padEnd(9)} ${describeTiming(model)}`).join('\n')}\n${examples(
          ['the whole study', 'study'],
          ['for your model, in minutes', 'study --model ./gpt2'],
          ['for your model, beside what small models learn', 'study --model ./gpt2 --with training'],
          ['on your own text, without the timing', 'study --text book.txt --skip speed --out study-book'],
          ['more norms and seeds, for a firmer answer', 'study --profile standard'],
        )}`,
      )
      .action(async (options: StudyArguments) => {
        const progress = createProgress({ stream: stderr });
        let current = '';
        const result = await runStudy({
          profile: options.profile,
          out: options.out ?? defaultFolder(options),
          signal,
          ...(options.model === undefined ? {} : { model: options.model }),
          ...(options.with === undefined ? {} : { with: options.with }),
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
        const failed = result.results.model?.conversions.find(({ outcome }) => outcome === 'failed');
        if (failed?.outcome === 'failed') throw new CheckFailedError(failed.reason);
      });
  },
};

/** How long a profile times a model. */
function describeTiming({ tokens, seconds }: (typeof profiles)[number]['model']): string {
  return `a prompt of ${tokens} tokens and one more, each timed for ${seconds} s or for as long as 12 rounds take`;
}

/** `study-quick`, or for a model in ./models/gpt2 `study-gpt2`. */
function defaultFolder({ profile, model }: StudyArguments): string {
  return `study-${model === undefined ? profile : basename(resolve(model))}`;
}

function describe({ answer, results, files, elapsedSeconds }: StudyResult): string {
  const { model } = answer;
  const ofModel = model === null ? [] : [model.subject, model.switching, model.time];
  // A study of one model says nothing of the parts that it was not asked for.
  const general = [
    ...(model === null || results.training !== null ? [answer.quality] : []),
    ...(model === null || results.speed !== null ? [answer.speed] : []),
    ...(model === null || results.conversions !== null ? [answer.conversion] : []),
  ];
  return [
    ...wrap(answer.headline, 100),
    '',
    ...wrap(answer.summary, 100),
    ...[...ofModel, ...general].flatMap((text) => ['', ...wrap(text.join(' '), 100)]),
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
