import { join } from 'node:path';
import { Option } from 'commander';
import {
  type Certificate,
  type ConversionFormat,
  type ConversionResult,
  type ConversionTarget,
  type ConvertedModel,
  conversionFormats,
  conversionTargets,
  convertModel,
  formatMeanings,
  storedDTypes,
} from '../../convert/index.ts';
import { InputError } from '../../core/errors.ts';
import { formatBytes } from '../../core/format.ts';
import { createProgress } from '../../core/progress.ts';
import { opset, opsets } from '../../graph/index.ts';
import { differencesText, floorsText } from '../certificate-text.ts';
import { type CommandModule, examples } from '../command.ts';
import { parseTokens } from '../options.ts';

const quietMs = 2000;

interface ConvertArguments {
  readonly to: ConversionTarget;
  readonly format?: ConversionFormat;
  readonly dtype: keyof typeof storedDTypes;
  readonly opset?: string;
  readonly fold?: true;
  readonly qkNorms?: true;
  readonly force?: true;
  readonly certify: boolean;
  readonly text?: string;
  readonly tokens?: number;
  readonly json?: true;
}

/** `normlab convert <source> <out> --to rmsnorm|crmsnorm`: exit code 1 when the result fails its certificate. */
export const convertCommand: CommandModule = {
  register(program, { stdout, stderr, signal }) {
    program
      .command('convert')
      .summary('rewrite a Pre-LN model as Pre-RMSNorm or Pre-CRMSNorm, losslessly')
      .description(
        'Rewrites the weights of a Pre-LN model so that it computes the same with RMSNorm or CRMSNorm, and measures how ' +
          'equal it is. What fails its certificate is not kept (exit code 1); what can’t be converted exactly is refused.',
      )
      .argument('<source>', 'folder with config.json and the weights as safetensors')
      .argument('<out>', 'folder to create')
      .addOption(new Option('--to <norm>', 'what the norms become').choices(conversionTargets).makeOptionMandatory())
      .addOption(
        new Option(
          '--format <format>',
          `${[...formatMeanings].map(([id, meaning]) => `${id}: ${meaning}`).join('; ')} (default: hf; normlab for crmsnorm)`,
        ).choices(conversionFormats),
      )
      .addOption(
        new Option('--dtype <dtype>', 'element type of the written weights')
          .choices(Object.keys(storedDTypes))
          .default('source'),
      )
      .addOption(
        new Option(
          '--opset <n>',
          `operator set of --format onnx (default: ${opset}; SimplifiedLayerNormalization below)`,
        ).choices(opsets.map(String)),
      )
      .option(
        '--fold',
        'put the weights of the norms before branches and head into the next linears, of RMSNorm models too',
      )
      .option('--qk-norms', 'make RMSNorms of the LayerNorms on queries and keys too')
      .option('--force', 'replace an existing model in <out>')
      .option('--no-certify', 'skip the certificate: no memory for it, or done elsewhere')
      .option('--text <file>', 'certify on the beginning of a text, not on random ids; with perplexities')
      .option('--tokens <n>', 'how many tokens of the text at most (default: 256)', parseTokens)
      .option('--json', 'print the certificate and the paths as JSON')
      .addHelpText(
        'after',
        examples(
          ['an ordinary GPT-2 folder whose weights suit RMSNorm', 'convert ./gpt2 ./gpt2-rms --to rmsnorm'],
          ['an OLMo as a Llama, in bfloat16', 'convert ./olmo ./olmo-llama --to rmsnorm --format llama --dtype bf16'],
          ['certified on a text', 'convert ./gpt2 ./gpt2-rms --to rmsnorm --text prose.txt'],
          ['for ONNX Runtime, Optimum and transformers.js', 'convert ./gpt2 ./gpt2-onnx --to rmsnorm --format onnx'],
          ['without the redundant coordinate', 'convert ./gpt2 ./gpt2-crms --to crmsnorm'],
        ),
      )
      .action(
        async (
          source: string,
          out: string,
          { to, dtype, opset: asked, json, text, tokens, ...options }: ConvertArguments,
        ) => {
          if (tokens !== undefined && text === undefined) throw new InputError('convert: --tokens needs --text <file>');
          if (text !== undefined && !options.certify) {
            throw new InputError('convert: --text is for the certificate, and --no-certify leaves that out');
          }
          const progress = createProgress({ stream: stderr });
          const startedMs = performance.now();
          const onProgress = (line: string) => {
            // A log is spared the lines of what is done in a moment.
            if (stderr.isTTY || performance.now() - startedMs > quietMs) progress.update(line);
          };
          const result = await convertModel({
            source,
            out,
            target: to,
            dtype: storedDTypes[dtype],
            opset: asked === undefined ? undefined : Number(asked),
            signal,
            onProgress,
            inputs: text === undefined ? undefined : { text, tokens },
            ...options,
          }).finally(() => progress.done({ clear: true }));
          stdout.write(`${json ? toJson(result) : toText(result)}\n`);
        },
      );
  },
};

function toJson(result: ConversionResult): string {
  const certificatePath =
    result.status === 'converted' && result.certificate !== null ? join(result.path, 'certificate.json') : null;
  return JSON.stringify({ ...result, certificatePath }, null, 2);
}

function toText(result: ConversionResult): string {
  if (result.status === 'nothing-to-do') return result.reason;
  const { certificate } = result;
  const measured =
    certificate === null
      ? ['Not certified (--no-certify).']
      : [differencesText(certificate, certificate.inputs), verdict(certificate)];
  return [...measured, ...facts(result)].join('\n');
}

function verdict(certificate: Certificate): string {
  return `Passed: the same function up to the rounding of the stored weights${floorsText(certificate)}.`;
}

function facts(result: ConvertedModel): readonly string[] {
  const { path, target, format, tensorsWritten, tensorsRewritten, bytesWritten, copied, notes } = result;
  return [
    ...(result.untiedHead
      ? ['Untied: the head keeps the old token embedding as a matrix of its own; a runtime that ties it anyway errs.']
      : []),
    ...(result.recentresInput
      ? ['Recentred: the embeddings have no stored mean to take out, so that their sum loses it as the model runs.']
      : []),
    `Written to ${path} (${target}, format ${format}): ${tensorsWritten} tensors, ${tensorsRewritten} rewritten, ${formatBytes(bytesWritten)}.`,
    ...notes,
    ...(copied.length === 0 ? [] : [`Copied: ${copied.join(', ')}.`]),
  ];
}
