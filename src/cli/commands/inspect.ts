import { InputError } from '../../core/errors.ts';
import { type CommandModule, examples } from '../command.ts';
import { inspectSubject, type Subject } from '../inspect/subject.ts';
import { subjectText } from '../inspect/text.ts';

/** `normlab inspect <folder|preset>`: exit code 2 when a folder's weights do not fit its config. */
export const inspectCommand: CommandModule = {
  register(program, { stdout }) {
    program
      .command('inspect')
      .summary('a model’s architecture, its norms, and whether it converts')
      .description(
        'Describes a model from its config.json and the headers of its weights, or a preset: the architecture, each norm ' +
          'with its place and epsilon, parameters and bytes, and whether it converts to RMSNorm. No weights are read. ' +
          'Exit code 2 when the weights do not fit the config.',
      )
      .argument('<model>', 'folder with config.json, with or without weights; or a preset’s name')
      .option('--json', 'print all of it as JSON')
      .addHelpText(
        'after',
        examples(
          ['a folder', 'inspect ./gpt2'],
          ['a published size, without its weights', 'inspect llama-3.1-8b'],
          ['for another program', 'inspect ./gpt2 --json'],
        ),
      )
      .action(async (name: string, { json }: { readonly json?: true }) => {
        const subject = await inspectSubject(name);
        stdout.write(`${json ? JSON.stringify(toRecord(subject), null, 2) : subjectText(subject, stdout.columns)}\n`);
        if (subject.problem !== null) throw new InputError(subject.problem);
      });
  },
};

function toRecord({ preset, description, weights, ...rest }: Subject) {
  return {
    ...rest,
    preset: preset?.id ?? null,
    published: preset?.published ?? null,
    source: preset?.source ?? null,
    note: preset?.note ?? null,
    description: Object.fromEntries(description.map(({ label, text }) => [label, text])),
    weights:
      weights === null
        ? null
        : { ...weights, byDType: Object.fromEntries(weights.byDType), storedHead: weights.storedHead ?? null },
  };
}
