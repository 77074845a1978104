import { type CertifiedModels, certificateMemory, certifyModels, failures } from '../../convert/index.ts';
import { CheckFailedError, InputError } from '../../core/errors.ts';
import { differencesText, floorsText, streamTable } from '../certificate-text.ts';
import { type CommandModule, examples } from '../command.ts';
import { parseTokens, parseWhole } from '../options.ts';
import { quietProgress } from '../quiet-progress.ts';

interface CertifyArguments {
  readonly text?: string;
  readonly tokens?: number;
  readonly seed?: number;
  readonly json?: true;
}

/** `normlab certify <source> <converted>`: exit code 1 when they differ by more than rounding. */
export const certifyCommand: CommandModule = {
  register(program, { stdout, stderr, signal }) {
    program
      .command('certify')
      .summary('measure how equal a converted model is to its source')
      .description(
        'Compares two models of the same sizes, a source and what was made of it by normlab or anything else: logits in ' +
          'float64 on the weights as written and in the float32 engine, what rounding alone does beside them, the mean of ' +
          'the residual stream after each layer, and on a text the perplexities. Exit code 1 when they differ by more than ' +
          'rounding, as the certificate of a conversion has it. ' +
          `The models are read block by block; memory: ${certificateMemory}.`,
      )
      .argument('<source>', 'folder of the model to hold the other against')
      .argument('<converted>', 'folder of the model in question')
      .option('--text <file>', 'compare on the beginning of a text, by the source’s tokenizer (default: random ids)')
      .option('--tokens <n>', 'how many tokens of the text at most (default: 256)', parseTokens)
      .option('--seed <n>', 'seed of the random ids (default: 0)', parseWhole)
      .option('--json', 'print all figures as JSON')
      .addHelpText(
        'after',
        examples(
          ['a conversion, again', 'certify ./gpt2 ./gpt2-rms'],
          ['on a text, with perplexities', 'certify ./gpt2 ./gpt2-rms --text prose.txt --tokens 512'],
          ['for another program', 'certify ./gpt2 ./gpt2-crms --json'],
        ),
      )
      .action(async (source: string, converted: string, { text, tokens, seed, json }: CertifyArguments) => {
        if (text === undefined && tokens !== undefined) throw new InputError('certify: --tokens needs --text <file>');
        if (text !== undefined && seed !== undefined) {
          throw new InputError('certify: --seed is for random ids, and --text compares on a text; leave one out');
        }
        const { onProgress, done } = quietProgress(stderr);
        const inputs = text === undefined ? { seed: seed ?? 0 } : { text, tokens };
        const result = await certifyModels({ source, converted, inputs, signal, onProgress }).finally(done);
        stdout.write(`${json ? JSON.stringify(result, null, 2) : toText(result)}\n`);
        if (!result.passed) throw new CheckFailedError(`${converted}: FAILED: ${failures(result).join('; ')}`);
      });
  },
};

function toText(result: CertifiedModels): string {
  return [
    differencesText(result, result.inputs),
    '',
    streamTable(result),
    '',
    ...notes(result),
    result.passed
      ? `Passed: the same function up to the rounding of the stored weights${floorsText(result)}.`
      : `FAILED: ${failures(result).join('; ')}.`,
  ].join('\n');
}

function notes({ source, converted, algebra }: CertifiedModels): readonly string[] {
  const epsilon =
    source.epsilon === converted.epsilon
      ? []
      : [`Epsilon of the norms: ${source.epsilon} in the source, ${converted.epsilon} in the converted model.`];
  const unknown =
    algebra === null
      ? [
          'No algebra: the second model is not recognized as a conversion of the first, so that its weights before rounding are not known.',
        ]
      : [];
  return [...epsilon, ...unknown];
}
